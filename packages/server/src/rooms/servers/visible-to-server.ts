import { readHistoryVisibility, type HistoryVisibility } from '@myelin/protocol/events';
import { domainOf, isUserId, type ServerName } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import type { EventStore } from '../events/event-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import { usersOfServer } from '../membership/membership-store.ts';
import { membershipIn, type Membership } from '../membership/membership.ts';
import { emptyState, type RoomStates, type StateRoot } from '../state/index.ts';

export interface ServerVisibilityNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: { readonly events: EventStore; readonly states: RoomStates };
}

const everyMembership: readonly Membership[] = ['join', 'invite', 'leave', 'ban', 'knock'];
/** Users of a server are looked up so many at a time: most often one of the first was there. */
const usersAtOnce = 50;

/** Decides what a server may be told of the past of a room that it is in. */
export class ServerVisibility {
  readonly #needs: ServerVisibilityNeeds;

  constructor(needs: ServerVisibilityNeeds) {
    this.#needs = needs;
  }

  /**
   * Those of a room's events, by our integers, that at least one user of the server may see. The server must be in the room: what is
   * shared with members is shared with it. State from before this server's time, at which no state is known, counts as seen: it is part
   * of what any member server gets as the room's state.
   * https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
   */
  async seenBy(server: ServerName, roomNid: number, events: readonly StoredEvent[]): Promise<ReadonlySet<number>> {
    const members = new MembersOfServer(this.#needs, server, roomNid);
    const seen = new Set<number>();
    for (const event of events) if (await this.#isSeen(server, members, event)) seen.add(event.nid);
    return seen;
  }

  async #isSeen(server: ServerName, members: MembersOfServer, event: StoredEvent): Promise<boolean> {
    if (event.stateRoot === undefined) return event.isState;
    if (concernsUserOf(event, server)) return true;
    const visibilities = await this.#visibilitiesAt(event, event.stateRoot);
    if (visibilities.some((visibility) => visibility === 'world_readable' || visibility === 'shared')) return true;
    return members.wereIn(event.stateRoot, visibilities.includes('invited') ? ['join', 'invite'] : ['join']);
  }

  /** What was in force at the event; for one that changes it, before it as well. */
  async #visibilitiesAt(event: StoredEvent, root: StateRoot): Promise<HistoryVisibility[]> {
    const { events, states } = this.#needs.rooms;
    const inForce = await states.event(event.roomNid, root, 'm.room.history_visibility', '');
    const visibilities = [readHistoryVisibility(inForce?.content)];
    if (event.type === 'm.room.history_visibility' && event.stateKey === '') {
      const before = event.replacesNid === undefined ? undefined : await events.byNid(event.replacesNid);
      visibilities.push(readHistoryVisibility(before?.content));
    }
    return visibilities;
  }
}

/** What a server's own users have sent, and what was made of them, it knows. */
function concernsUserOf(event: StoredEvent, server: ServerName): boolean {
  if (domainOf(event.sender) === server) return true;
  const target = event.type === 'm.room.member' ? event.stateKey : undefined;
  return target !== undefined && isUserId(target) && domainOf(target) === server;
}

/** Whether users of one server were in a room by some of its states; neighbouring states are asked about in turn and differ little. */
class MembersOfServer {
  readonly #needs: ServerVisibilityNeeds;
  readonly #server: ServerName;
  readonly #roomNid: number;
  readonly #answers = new Map<string, boolean>();
  /** Who was there by the last state that had somebody. */
  #witness: number | undefined;
  /** A state that had nobody with one of these memberships. */
  #empty: { readonly root: StateRoot; readonly memberships: string } | undefined;
  #users: Promise<number[]> | undefined;

  constructor(needs: ServerVisibilityNeeds, server: ServerName, roomNid: number) {
    this.#needs = needs;
    this.#server = server;
    this.#roomNid = roomNid;
  }

  async wereIn(root: StateRoot, memberships: readonly Membership[]): Promise<boolean> {
    if (root === emptyState) return false;
    const key = `${memberships.join()} ${root}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = await this.#lookUp(root, memberships);
    this.#answers.set(key, answer);
    if (!answer) this.#empty = { root, memberships: memberships.join() };
    return answer;
  }

  async #lookUp(root: StateRoot, memberships: readonly Membership[]): Promise<boolean> {
    if (this.#witness !== undefined && (await this.#anyOf(root, [this.#witness], memberships))) return true;
    if (this.#empty?.memberships === memberships.join()) {
      // Where nobody was, there can be only those whom the difference brings.
      return this.#anyOf(root, await this.#changedSince(this.#empty.root, root), memberships);
    }
    const users = await this.#everMembers();
    for (let at = 0; at < users.length; at += usersAtOnce) {
      if (await this.#anyOf(root, users.slice(at, at + usersAtOnce), memberships)) return true;
    }
    return false;
  }

  async #anyOf(root: StateRoot, users: readonly number[], memberships: readonly Membership[]): Promise<boolean> {
    const { names, rooms } = this.#needs;
    const type = await names.knownIdOf('m.room.member');
    if (type === undefined || users.length === 0) return false;
    const keys = users.map((stateKey) => ({ type, stateKey }));
    const found = await rooms.states.tree.getMany(this.#roomNid, root, keys);
    const events = await rooms.events.byNids(found.filter((nid) => nid !== undefined));
    for (const [index, nid] of found.entries()) {
      const event = nid === undefined ? undefined : events.get(nid);
      if (!event || !memberships.includes(membershipIn(event.content))) continue;
      this.#witness = users[index];
      return true;
    }
    return false;
  }

  async #changedSince(before: StateRoot, after: StateRoot): Promise<number[]> {
    const changes = await this.#needs.rooms.states.tree.diff(this.#roomNid, before, after);
    const texts = await this.#needs.names.textsOf(changes.map(({ stateKey }) => stateKey));
    return [...texts].flatMap(([nid, text]) => (isUserId(text) && domainOf(text) === this.#server ? nid : []));
  }

  /** All users of the server who have or had anything to do with the room. */
  #everMembers(): Promise<number[]> {
    return (this.#users ??= this.#loadUsers());
  }

  async #loadUsers(): Promise<number[]> {
    const { database, names } = this.#needs;
    const serverNid = await names.knownIdOf(this.#server);
    return serverNid === undefined ? [] : usersOfServer(database, this.#roomNid, serverNid, everyMembership);
  }
}
