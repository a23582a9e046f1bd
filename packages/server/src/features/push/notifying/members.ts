import type { UserId } from '@myelin/protocol/identifiers';
import { untouchedPushRules, type UserPushRules } from '@myelin/protocol/push-rules';

import type { Interner } from '../../../platform/database/index.ts';
import { RecentChanges } from '../../../platform/streams/index.ts';
import type { RoomHooks } from '../../../rooms/index.ts';
import type { PushRules } from '../rules/push-rules.ts';
import { asksForDisplayName, type RulesInRooms } from '../rules/rules-in-room.ts';

/** A local member of a room, as far as notifications go. */
export interface Member {
  readonly userNid: number;
  readonly userId: UserId;
  readonly group: RulesGroup;
  readonly ignored: ReadonlySet<string>;
  /** Is notified by the room's notifying events after this position; undefined: by none of them. */
  followsFrom: number | undefined;
  /** How many of the room's notifying events in a row did something else for this member than `followsFrom` says … */
  deviations: number;
  /** … and the number of the last of them. */
  deviatedAt: number;
}

/** Members of one room whose rules come to the same there: they are asked once for all. */
export interface RulesGroup {
  readonly rules: UserPushRules;
  /** Their own rules ask for their own names: each is asked apart. */
  readonly personal: boolean;
  readonly members: Set<Member>;
  /** Those of them who follow the room's notifying events. */
  readonly followers: Set<Member>;
}

export interface MemberNeeds {
  readonly names: Interner;
  readonly rules: PushRules;
  readonly hooks: RoomHooks;
  readonly rulesInRooms: RulesInRooms;
}

/** Tells which users' rules or ignored users have changed, so that rooms look again. */
export class MemberChanges {
  readonly #recent = new RecentChanges(0);
  #now = 0;

  get now(): number {
    return this.#now;
  }

  changed(userNid: number): void {
    this.#now += 1;
    this.#recent.changed(userNid, this.#now);
  }

  /** Those of `users` that changed after `since`. */
  among(users: ReadonlyMap<number, unknown>, since: number): number[] {
    if (since === this.#now) return [];
    if (!this.#recent.covers(since)) return [...users.keys()];
    return [...users.keys()].filter((userNid) => this.#recent.mayHaveChanged(userNid, since));
  }
}

/** The local members of one room, grouped by what their push rules come to there. */
export class RoomMembers {
  readonly byNid = new Map<number, Member>();
  readonly byId = new Map<string, Member>();
  /** By the sender they ignore. */
  readonly ignoring = new Map<string, Set<Member>>();
  readonly groups = new Map<UserPushRules, RulesGroup>();
  readonly #roomId: string;
  readonly #needs: MemberNeeds;

  constructor(roomId: string, needs: MemberNeeds) {
    this.#roomId = roomId;
    this.#needs = needs;
  }

  /** Takes members in, or looks at them again where they are known: their rules may have changed. Keeps whom they follow. */
  async put(members: ReadonlyMap<number, { readonly followsFrom: number | undefined }>): Promise<void> {
    const nids = [...members.keys()];
    if (nids.length === 0) return;
    const [rules, names, ignored] = await Promise.all([
      this.#needs.rules.ofMany(nids),
      this.#needs.names.textsOf(nids),
      Promise.all(nids.map((userNid) => this.#needs.hooks.ignoredUsers(userNid))),
    ]);
    for (const [index, userNid] of nids.entries()) {
      this.remove(userNid);
      const group = this.#groupOf(this.#needs.rulesInRooms.of(rules.get(userNid) ?? untouchedPushRules, this.#roomId));
      const member: Member = {
        userNid,
        // Only whole user ids become members.
        userId: (names.get(userNid) ?? '') as UserId,
        group,
        ignored: ignored[index] ?? new Set(),
        followsFrom: members.get(userNid)?.followsFrom,
        deviations: 0,
        deviatedAt: -1,
      };
      this.byNid.set(userNid, member);
      this.byId.set(member.userId, member);
      group.members.add(member);
      if (member.followsFrom !== undefined) group.followers.add(member);
      for (const sender of member.ignored) addTo(this.ignoring, sender, member);
    }
  }

  remove(userNid: number): void {
    const member = this.byNid.get(userNid);
    if (!member) return;
    this.byNid.delete(userNid);
    this.byId.delete(member.userId);
    member.group.members.delete(member);
    member.group.followers.delete(member);
    if (member.group.members.size === 0) this.groups.delete(member.group.rules);
    for (const sender of member.ignored) this.ignoring.get(sender)?.delete(member);
  }

  /** Makes a member follow the room's notifying events after a position, or none any more. */
  follow(member: Member, from: number | undefined): void {
    member.followsFrom = from;
    member.deviations = 0;
    if (from === undefined) member.group.followers.delete(member);
    else member.group.followers.add(member);
  }

  #groupOf(rules: UserPushRules): RulesGroup {
    let group = this.groups.get(rules);
    if (!group) {
      group = { rules, personal: asksForDisplayName(rules), members: new Set(), followers: new Set() };
      this.groups.set(rules, group);
    }
    return group;
  }
}

function addTo(index: Map<string, Set<Member>>, key: string, member: Member): void {
  const members = index.get(key);
  if (members) members.add(member);
  else index.set(key, new Set([member]));
}
