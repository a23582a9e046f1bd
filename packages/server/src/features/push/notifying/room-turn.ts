import type { UserId } from '@myelin/protocol/identifiers';

import type { Database } from '../../../platform/database/index.ts';
import type { PersistBatch, Room, Rooms, StoredEvent } from '../../../rooms/index.ts';
import { evaluateEvent } from './evaluate-event.ts';
import type { Counted, EventEffect, Exception, FollowingChange } from './event-effect.ts';
import { changesFollowing } from './following.ts';
import { type Member, type MemberChanges, type MemberNeeds, RoomMembers } from './members.ts';
import { countedIn, followersOf } from './notifications.store.ts';
import { silence } from './outcome.ts';
import { RoomFactsKeeper } from './room-facts.ts';
import { threadNidOf } from './thread-of-event.ts';

export interface RoomTurnNeeds extends MemberNeeds {
  readonly database: Database;
  readonly rooms: Rooms;
  readonly memberChanges: MemberChanges;
  /** A user id that no event can name. */
  readonly nobody: UserId;
}

const nothingCounted: Counted = { notifications: 0, highlights: 0 };

/**
 * What evaluating a room's events takes, in memory, as of the room's head: it runs ahead of the database by the writes that wait for
 * their commit, and lives as long as the room does in memory.
 */
export class RoomTurn {
  readonly members: RoomMembers;
  readonly #needs: RoomTurnNeeds;
  readonly #room: Room;
  readonly facts: RoomFactsKeeper;
  /** What was counted in each thread that was needed. */
  readonly #counted = new Map<number, Counted>();
  /** Notifying events since the room was loaded. */
  #ordinal = 0;
  #membersSeenAt: number;
  #strangers: readonly number[] = [];

  private constructor(needs: RoomTurnNeeds, room: Room, facts: RoomFactsKeeper) {
    this.#needs = needs;
    this.#room = room;
    this.facts = facts;
    this.members = new RoomMembers(room.id, needs);
    this.#membersSeenAt = needs.memberChanges.now;
  }

  /** Before the room's first write since it was loaded: nothing of it waits for a commit. */
  static async load(needs: RoomTurnNeeds, room: Room): Promise<RoomTurn> {
    const [facts, local, followers] = await Promise.all([
      RoomFactsKeeper.load(room, needs.rooms.states),
      needs.rooms.memberships.localMembers(room.nid),
      followersOf(needs.database, room.nid),
    ]);
    const turn = new RoomTurn(needs, room, facts);
    const known = [...local].filter((userNid) => followers.has(userNid));
    turn.#strangers = [...local].filter((userNid) => !followers.has(userNid));
    await turn.members.put(new Map(known.map((userNid) => [userNid, { followsFrom: followers.get(userNid) }])));
    return turn;
  }

  /** Local members whose counting never began, as after an import: it begins now, after `position`. */
  async takeStrangers(position: number): Promise<readonly number[]> {
    const strangers = this.#strangers;
    if (strangers.length === 0) return strangers;
    this.#strangers = [];
    await this.members.put(new Map(strangers.map((userNid) => [userNid, { followsFrom: position }])));
    return strangers;
  }

  /** Who left and who joined, and what else changed of the room: by this event, or without any event by state resolution. */
  async follow(changes: Pick<PersistBatch, 'stateChanges' | 'membershipChanges'>): Promise<void> {
    for (const change of changes.stateChanges) this.facts.stateChanged(change);
    for (const { membership, previous, local, userNid, position } of changes.membershipChanges) {
      if (membership === previous) continue;
      if (membership === 'join') this.facts.joined += 1;
      if (previous === 'join') this.facts.joined -= 1;
      if (!local) continue;
      if (membership === 'join') await this.members.put(new Map([[userNid, { followsFrom: position }]]));
      else this.members.remove(userNid);
    }
  }

  /** Looks again at members whose rules changed. */
  async refresh(): Promise<void> {
    const { now } = this.#needs.memberChanges;
    const changed = this.#needs.memberChanges.among(this.members.byNid, this.#membersSeenAt);
    this.#membersSeenAt = now;
    if (changed.length === 0) return;
    await this.members.put(
      new Map(changed.map((userNid) => [userNid, { followsFrom: this.members.byNid.get(userNid)?.followsFrom }])),
    );
  }

  /** What an accepted event does for the members' counts. */
  async evaluate(event: StoredEvent, position: number): Promise<EventEffect> {
    const thread = threadNidOf(this.#needs.rooms.events, event);
    const threadNid = typeof thread === 'number' ? thread : await thread;
    const names = event.contentJson.includes('"body"') ? await this.#displayNames() : undefined;
    const { ordinary, others } = evaluateEvent(event, this.facts.of(event.sender), {
      members: this.members,
      nobody: this.#needs.nobody,
      displayName: (member) => names?.get(member),
    });
    let counted: Counted | undefined;
    if (ordinary.notifications === 1) {
      const before = this.#counted.get(threadNid) ?? (await countedIn(this.#needs.database, this.#room.nid, threadNid));
      counted = {
        notifications: (before ?? nothingCounted).notifications + 1,
        highlights: (before ?? nothingCounted).highlights + ordinary.highlights,
      };
      this.#counted.set(threadNid, counted);
      this.#ordinal += 1;
    }
    const exceptions: Exception[] = [];
    const followings: FollowingChange[] = [];
    for (const [member, outcome] of others) {
      if (changesFollowing(member, outcome, ordinary, this.#ordinal)) {
        followings.push(this.#changeFollowing(member, position));
        continue;
      }
      const foretold = member.followsFrom === undefined ? silence : ordinary;
      exceptions.push({
        userNid: member.userNid,
        notifications: outcome.notifications - foretold.notifications,
        highlights: outcome.highlights - foretold.highlights,
        actions: outcome.actions,
      });
    }
    return {
      position,
      threadNid,
      ordinary,
      counted,
      others: new Map(Array.from(others, ([{ userNid }, outcome]) => [userNid, outcome])),
      exceptions,
      followings,
      senderNid: event.senderNid,
      // A new name in each of five thousand rooms is no sign that anything there was read.
      hasReadThread: event.type !== 'm.room.member' && this.members.byNid.has(event.senderNid),
    };
  }

  #changeFollowing(member: Member, position: number): FollowingChange {
    const { followsFrom } = member;
    // The event at hand is the first that goes the new way.
    const before = position - 1;
    this.members.follow(member, followsFrom === undefined ? before : undefined);
    return {
      userNid: member.userNid,
      followsFrom: member.followsFrom,
      ended: followsFrom === undefined ? undefined : { from: followsFrom, to: before },
    };
  }

  /** The names of those whose rules ask for them; undefined where nobody's do. */
  async #displayNames(): Promise<Map<Member, string> | undefined> {
    const asking = [...this.members.groups.values()].filter(({ personal }) => personal).flatMap(({ members }) => [...members]);
    if (asking.length === 0) return undefined;
    const events = await this.#needs.rooms.states.events(
      this.#room.nid,
      this.#room.head.root,
      asking.map(({ userId }) => ['m.room.member', userId] as const),
    );
    const names = new Map<Member, string>();
    for (const [index, member] of asking.entries()) {
      const name = events[index]?.content['displayname'];
      if (typeof name === 'string') names.set(member, name);
    }
    return names;
  }
}
