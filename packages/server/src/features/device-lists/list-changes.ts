import type { UserId } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import type { SyncToken } from '../../platform/streams/index.ts';
import { localMembershipChanges, type Rooms, type UserRooms, type Viewer } from '../../rooms/index.ts';
import type { ListNews } from './list-news.ts';
import { everyMember, someMembers, thoseWhoShare } from './moves.store.ts';
import type { Moves } from './moves.ts';

export interface ListChangesTools {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Pick<Rooms, 'memberships' | 'states' | 'partial'>;
  readonly news: ListNews;
  readonly moves: Moves;
}

/** What a client that keeps lists of devices is told; https://spec.matrix.org/v1.19/client-server-api/#e2e-extensions-to-sync */
export interface ListChanges {
  readonly changed: readonly UserId[];
  readonly left: readonly UserId[];
}

/** So few are looked up in memory, one by one; more by a query. */
const fewCandidates = 32;
const candidatesAtOnce = 1000;
/**
 * Who enters or leaves a room without encryption, or with it, is told of its members; of a large room without it they are not: no client
 * keeps lists of devices for such a room, and they become `changed` when an encrypted room is shared with them.
 */
const mostUnencrypted = 1000;

const nothing: ListChanges = { changed: [], left: [] };

/**
 * Whose devices have changed for a viewer between two tokens: users who share a room with them and whose list changed, and users who
 * now share one of their rooms and did not before. `left` are those who no longer share any room with them: from then on their changes
 * are not told. Costs work for what changed, and for the members of rooms that the viewer has entered or left.
 * https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
 */
export async function listChanges(
  tools: ListChangesTools,
  viewer: Viewer,
  since: SyncToken,
  upTo: SyncToken,
): Promise<ListChanges> {
  const ownRooms = await tools.rooms.memberships.userRooms(viewer.userNid);
  const met = await metAndParted(tools, viewer, ownRooms, since.events, upTo.events);
  // A token that is ahead of the stream is from a time that a restored database has forgotten: it says nothing of what came since.
  const listsSince = since.device_lists <= tools.news.stream.now ? since.device_lists : 0;
  const candidates = new Set(await tools.news.changedBetween(listsSince, upTo.device_lists));
  const own = new Set(await tools.news.changedFor(viewer.userNid, listsSince, upTo.device_lists));
  if (candidates.delete(viewer.userNid)) own.add(viewer.userNid);
  if (own.size === 0 && candidates.size === 0 && met.come.size === 0 && met.gone.size === 0) return nothing;
  const { come, gone } = met;
  come.delete(viewer.userNid);
  gone.delete(viewer.userNid);
  const sharing = await whoShares(tools, viewer, new Set([...candidates, ...come, ...gone]));
  const changed = new Set([...own, ...[...candidates, ...come].filter((userNid) => sharing.has(userNid))]);
  const left = [...gone].filter((userNid) => !sharing.has(userNid));
  const ids = await tools.names.textsOf([...changed, ...left]);
  const named = (userNids: Iterable<number>): UserId[] => Array.from(userNids, (userNid) => ids.get(userNid) as UserId);
  return { changed: named(changed), left: named(left) };
}

/** Those who came into a room with the viewer, or from whom one separated them. */
async function metAndParted(
  tools: ListChangesTools,
  viewer: Viewer,
  own: UserRooms,
  since: number,
  upTo: number,
): Promise<{ come: Set<number>; gone: Set<number> }> {
  const come = new Set<number>();
  const gone = new Set<number>();
  if (upTo <= since) return { come, gone };
  const entered = new Set<number>();
  for (const { roomNid, userNid, joined } of await tools.moves.around(viewer.userNid, own.joined, since, upTo)) {
    if (userNid === everyMember) entered.add(roomNid);
    else if (joined) come.add(userNid);
    else gone.add(userNid);
  }
  // Members that came behind their room, as those of one that one enters.
  for (const roomNid of tools.rooms.partial.completedBetween(own.joined, since, upTo)) entered.add(roomNid);
  const left = new Map<number, number>();
  if (own.lastChange > since) {
    const changes = await localMembershipChanges(tools.database, viewer.userNid, since, upTo);
    for (const { roomNid, membership, previous, position } of changes) {
      if (membership === 'join' && previous !== 'join') entered.add(roomNid);
      if (membership !== 'join' && previous === 'join') left.set(roomNid, position);
    }
  }
  // Whoever has come back may have missed something between.
  for (const roomNid of entered) if (own.joined.has(roomNid)) for (const nid of await membersOf(tools, roomNid)) come.add(nid);
  for (const [roomNid, leftAt] of left) {
    if (!own.joined.has(roomNid)) for (const nid of await membersAt(tools, roomNid, since, leftAt)) gone.add(nid);
  }
  return { come, gone };
}

/** Those who were in a room when the viewer left it, or since their token: who has come later is none of their business. */
async function membersAt(tools: ListChangesTools, roomNid: number, since: number, leftAt: number): Promise<ReadonlySet<number>> {
  const members = new Set(await membersOf(tools, roomNid));
  for (const { userNid, position, joined } of await tools.moves.in(roomNid, since)) {
    if (position > leftAt) members.delete(userNid);
    else if (!joined) members.add(userNid);
  }
  return members;
}

async function membersOf({ database, rooms }: ListChangesTools, roomNid: number): Promise<readonly number[]> {
  const isEncrypted = (await rooms.states.current(roomNid, 'm.room.encryption', '')) !== undefined;
  const members = await someMembers(database, roomNid, isEncrypted ? Number.MAX_SAFE_INTEGER : mostUnencrypted + 1);
  return isEncrypted || members.length <= mostUnencrypted ? members : [];
}

/** Those of the candidates who are in a room with the viewer now. */
async function whoShares(
  { database, rooms }: ListChangesTools,
  viewer: Viewer,
  candidates: ReadonlySet<number>,
): Promise<ReadonlySet<number>> {
  const sharing = new Set<number>();
  if (candidates.size <= fewCandidates) {
    for (const userNid of candidates) if (await rooms.memberships.shareRoom(viewer.userNid, userNid)) sharing.add(userNid);
    return sharing;
  }
  const all = [...candidates];
  for (let start = 0; start < all.length; start += candidatesAtOnce) {
    const some = await thoseWhoShare(database, viewer.userNid, all.slice(start, start + candidatesAtOnce));
    for (const userNid of some) sharing.add(userNid);
  }
  return sharing;
}
