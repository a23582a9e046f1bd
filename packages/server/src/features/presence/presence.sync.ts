import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Rooms, SyncPart, SyncScope, SyncSource } from '../../rooms/index.ts';
import { allWithPresence, goneSince } from './presence.store.ts';
import type { Presence, PresenceNeeds, ToldPresence } from './presence.ts';

interface PresenceSyncNeeds {
  readonly config: PresenceNeeds['config'];
  readonly database: Database;
  readonly clock: Clock;
  readonly rooms: Rooms;
  readonly profiles: PresenceNeeds['profiles'];
}

/**
 * What presence adds to `/sync`: those who share a room with the viewer, and the viewer. The work for changes is that for the users who
 * came or went in the viewer's rooms.
 */
export function presenceSyncSource(needs: PresenceSyncNeeds, presence: Presence): SyncSource {
  return {
    name: 'presence',
    stream: 'presence',
    now: () => presence.now,
    async everything(scope) {
      if (!presence.isShown) return {};
      const candidates = needs.config.presence.include_offline_users_on_sync
        ? presence.there.union(new Set(await allWithPresence(needs.database)))
        : presence.there;
      return partOf(
        needs,
        presence,
        scope,
        await seenBy(needs, scope, candidates, await visibleRooms(presence, scope.joinedRooms)),
      );
    },
    async changes(scope, since, upTo) {
      if (!presence.isShown) return {};
      const users = await changedBetween(needs, presence, scope, since, upTo);
      if (scope.newRooms.size > 0) {
        const fresh = await visibleRooms(presence, scope.newRooms);
        for (const userNid of await inRooms(needs.rooms, fresh, presence.there)) users.add(userNid);
      }
      return users.size === 0 ? {} : partOf(needs, presence, scope, users);
    },
  };
}

async function changedBetween(
  needs: PresenceSyncNeeds,
  presence: Presence,
  scope: SyncScope,
  since: number,
  upTo: number,
): Promise<Set<number>> {
  const changed = since > presence.now ? undefined : presence.recentRooms.amongChangedSince(scope.joinedRooms, since);
  if (!changed) {
    // From before memory begins: everybody who is there, and who has gone since.
    const candidates = presence.there.union(new Set(await goneSince(needs.database, since)));
    return seenBy(needs, scope, candidates, await visibleRooms(presence, scope.joinedRooms));
  }
  const users = new Set<number>();
  const unclear = new Set<number>();
  // Excluded rooms are never noted, so all of these count.
  for (const roomNid of changed) {
    const news = presence.recentOfRooms.between(roomNid, since, upTo);
    if (!news) unclear.add(roomNid);
    for (const { userNid } of news ?? []) users.add(userNid);
  }
  if (unclear.size > 0) {
    const candidates = presence.thereSince(since).union(new Set(await goneSince(needs.database, since)));
    for (const userNid of await inRooms(needs.rooms, unclear, candidates)) users.add(userNid);
  }
  const { userNid } = scope.viewer;
  if (presence.recentUsers.covers(since) && presence.recentUsers.mayHaveChanged(userNid, since)) users.add(userNid);
  return users;
}

async function visibleRooms(presence: Presence, roomNids: ReadonlySet<number>): Promise<ReadonlySet<number>> {
  const excluded = await presence.excludedRooms();
  return excluded.size === 0 ? roomNids : roomNids.difference(excluded);
}

/** Those of the candidates whom the viewer sees. Looks at the viewer's rooms or at each candidate's, whichever are fewer. */
async function seenBy(
  { rooms }: PresenceSyncNeeds,
  { viewer }: SyncScope,
  candidates: ReadonlySet<number>,
  roomNids: ReadonlySet<number>,
): Promise<Set<number>> {
  const seen = new Set(candidates.has(viewer.userNid) ? [viewer.userNid] : []);
  if (roomNids.size <= candidates.size) return seen.union(await inRooms(rooms, roomNids, candidates));
  for (const userNid of candidates) {
    const theirs = await rooms.memberships.roomsOf(userNid);
    for (const { roomNid, membership } of theirs.values()) {
      if (membership !== 'join' || !roomNids.has(roomNid)) continue;
      seen.add(userNid);
      break;
    }
  }
  return seen;
}

async function inRooms(
  { memberships }: Rooms,
  roomNids: ReadonlySet<number>,
  candidates: ReadonlySet<number>,
): Promise<Set<number>> {
  const found = new Set<number>();
  if (candidates.size === 0) return found;
  for (const roomNid of roomNids) {
    // `intersection` walks the smaller of the two.
    const members = await memberships.localMembers(roomNid);
    for (const userNid of candidates.intersection(members)) found.add(userNid);
    if (found.size === candidates.size) break;
  }
  return found;
}

async function partOf(
  needs: PresenceSyncNeeds,
  presence: Presence,
  { viewer }: SyncScope,
  userNids: ReadonlySet<number>,
): Promise<SyncPart> {
  if (userNids.size === 0) return {};
  const ignored = await needs.rooms.hooks.ignoredUsers(viewer.userNid);
  const now = needs.clock.now();
  const events: string[] = [];
  for (const [userNid, told] of await presence.toldOf(userNids)) {
    if (ignored.has(told.userId)) continue;
    const content = JSON.stringify({ ...(await profileOf(needs, userNid)), ...presenceContent(told, now) });
    events.push(`{"type":"m.presence","sender":${JSON.stringify(told.userId)},"content":${content}}`);
  }
  return events.length === 0 ? {} : { presence: events };
}

async function profileOf(
  { profiles }: PresenceSyncNeeds,
  userNid: number,
): Promise<{ displayname?: string; avatar_url?: string }> {
  const profile = await profiles.of(userNid);
  return {
    ...(profile?.displayname !== undefined && { displayname: profile.displayname }),
    ...(profile?.avatarUrl !== undefined && { avatar_url: profile.avatarUrl }),
  };
}

/** A presence as clients read it; https://spec.matrix.org/v1.19/client-server-api/#mpresence */
export function presenceContent(
  told: ToldPresence,
  now: number,
): { presence: ToldPresence['state']; last_active_ago?: number; currently_active?: boolean; status_msg?: string } {
  const { state, currentlyActive, lastActiveTs, statusMsg } = told;
  return {
    presence: state,
    ...(lastActiveTs > 0 && { last_active_ago: Math.max(0, now - lastActiveTs) }),
    ...(state === 'online' && { currently_active: currentlyActive }),
    ...(statusMsg !== undefined && { status_msg: statusMsg }),
  };
}
