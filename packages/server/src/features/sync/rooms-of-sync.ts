import { sql, type Database, type Db } from '../../platform/database/index.ts';
import {
  localMembershipChanges,
  type LocalMembershipChange,
  type Membership,
  type Rooms,
  type UserRooms,
} from '../../rooms/index.ts';
import type { RoomStretch, SyncView } from './sync-view.ts';

/** A room that the user has left, or was removed from, in the time that the sync is about. */
export interface LeftRoom extends RoomStretch {
  /** The event that ended it. */
  readonly leaveNid: number;
  /** Whether the user was inside at all: who declines an invite is told of nothing but that. */
  readonly wasInside: boolean;
}

/** The rooms that a sync has to look at, by what they are to the user at its end. */
export interface RoomsOfSync {
  /** All that the user is joined to and the filter lets through. */
  readonly joined: ReadonlySet<number>;
  /** Those of them in which something may have happened. */
  readonly moved: readonly RoomStretch[];
  readonly invited: readonly { readonly nid: number; readonly eventNid: number }[];
  readonly knocked: readonly { readonly nid: number }[];
  readonly left: readonly LeftRoom[];
}

/** Finds them. The work is proportional to what changed where the past is still in memory, and one query where it is not. */
export async function roomsOfSync(needs: { database: Database; rooms: Rooms }, view: SyncView): Promise<RoomsOfSync> {
  // As of one moment: what is committed meanwhile lies behind the end of this sync.
  const own: UserRooms = { ...(await needs.rooms.memberships.userRooms(view.viewer.userNid)) };
  const since = view.since?.events;
  const upTo = view.upTo.events;
  const isShown = await shownRooms(needs.rooms, view);
  const changes = await changesAfter(needs.database, view.viewer.userNid, own, since ?? upTo);
  const within = groupByRoom(changes.filter(({ position }) => position <= upTo));
  const later = groupByRoom(changes.filter(({ position }) => position > upTo));
  const joined = withoutLacking(needs.rooms, view, await joinedAt(own, later, isShown));
  const completed = new Set(since === undefined ? [] : needs.rooms.partial.completedBetween(joined, since, upTo));

  const moved: RoomStretch[] = [];
  const candidates =
    since === undefined || view.fullState
      ? joined
      : new Set([
          ...(await roomsWithEvents(needs, view.viewer.userNid, own, since)),
          ...within.keys(),
          ...later.keys(),
          ...completed,
        ]);
  for (const nid of candidates) {
    if (!joined.has(nid)) continue;
    const wasOutside = (within.get(nid)?.[0]?.previous ?? 'join') !== 'join';
    const isNew = since === undefined || wasOutside || (completed.has(nid) && !view.filter.lazyLoadMembers);
    const { roomId } = await needs.rooms.ids.byNid(nid);
    moved.push({ nid, roomId, since: isNew ? undefined : since, isRenewed: completed.has(nid), upTo });
  }

  const invited: { nid: number; eventNid: number }[] = [];
  const knocked: { nid: number }[] = [];
  const left: LeftRoom[] = [];
  for (const [nid, now] of await othersAt(own, { since, within, later, fullState: view.fullState })) {
    if (now.membership === 'join' || !(await isShown(nid))) continue;
    if (now.membership === 'invite') invited.push({ nid, eventNid: now.eventNid });
    else if (now.membership === 'knock') knocked.push({ nid });
    else if (!now.forgotten && (since !== undefined || view.filter.includeLeave)) {
      const inWindow = within.get(nid) ?? [];
      // Of a room that was left before anything was known, all is told: whether the user had been inside, the history tells.
      const wasJoined = since !== undefined && inWindow[0]?.previous === 'join';
      left.push({
        nid,
        roomId: (await needs.rooms.ids.byNid(nid)).roomId,
        since: wasJoined ? since : undefined,
        upTo: now.position,
        leaveNid: now.eventNid,
        wasInside:
          since === undefined
            ? await wasEverInside(needs.database, view.viewer.userNid, nid)
            : inWindow.some(({ previous, membership }) => previous === 'join' || membership === 'join'),
      });
    }
  }
  return { joined, moved, invited, knocked, left };
}

interface OwnMembership {
  readonly membership: Membership;
  readonly eventNid: number;
  readonly position: number;
  readonly forgotten: boolean;
}

type ChangesByRoom = ReadonlyMap<number, readonly LocalMembershipChange[]>;

/** Memberships other than joined ones that a sync may tell of. */
async function othersAt(
  own: UserRooms,
  {
    since,
    within,
    later,
    fullState,
  }: { since: number | undefined; within: ChangesByRoom; later: ChangesByRoom; fullState: boolean },
): Promise<Map<number, OwnMembership>> {
  const found = new Map<number, OwnMembership>();
  for (const [nid, changes] of within) {
    const last = changes.at(-1);
    if (last) found.set(nid, { ...last, forgotten: own.all.get(nid)?.forgotten ?? true });
  }
  if (since !== undefined && !fullState) return found;
  for (const [nid, membership] of own.all) {
    if (found.has(nid) || later.has(nid)) continue;
    const isLeft = membership.membership === 'leave' || membership.membership === 'ban';
    if (since === undefined || !isLeft) found.set(nid, membership);
  }
  return found;
}

function changesAfter(db: Db, userNid: number, own: UserRooms, since: number): Promise<LocalMembershipChange[]> {
  if (own.lastChange <= since) return Promise.resolve([]);
  return localMembershipChanges(db, userNid, since, Number.MAX_SAFE_INTEGER);
}

function groupByRoom(changes: readonly LocalMembershipChange[]): Map<number, LocalMembershipChange[]> {
  const byRoom = new Map<number, LocalMembershipChange[]>();
  for (const change of changes) {
    const list = byRoom.get(change.roomNid);
    if (list) list.push(change);
    else byRoom.set(change.roomNid, [change]);
  }
  return byRoom;
}

/** The joined rooms at the end of the sync: what came after it is taken back. */
async function joinedAt(own: UserRooms, later: ChangesByRoom, isShown: RoomTest): Promise<ReadonlySet<number>> {
  if (later.size === 0 && isShown === everyRoom) return own.joined;
  const joined = new Set<number>();
  for (const nid of own.joined) if (!later.has(nid) && (await isShown(nid))) joined.add(nid);
  for (const [nid, changes] of later) if (changes[0]?.previous === 'join' && (await isShown(nid))) joined.add(nid);
  return joined;
}

/** Rooms that lack members are shown to those only who do not want to be told of all members. */
function withoutLacking({ partial }: Rooms, view: SyncView, joined: ReadonlySet<number>): ReadonlySet<number> {
  if (view.filter.lazyLoadMembers) return joined;
  const lacking = partial.lackingAt(joined, view.upTo.events);
  return lacking.length === 0 ? joined : joined.difference(new Set(lacking));
}

type RoomTest = (nid: number) => Promise<boolean>;

const everyRoom: RoomTest = () => Promise.resolve(true);

async function shownRooms(rooms: Rooms, view: SyncView): Promise<RoomTest> {
  if (view.filter.allowsEveryRoom && view.excludedRooms.size === 0) return everyRoom;
  return async (nid) => {
    const { roomId } = await rooms.ids.byNid(nid);
    return view.filter.allowsRoom(roomId) && !view.excludedRooms.has(roomId);
  };
}

async function roomsWithEvents(
  { database, rooms }: { database: Database; rooms: Rooms },
  userNid: number,
  own: UserRooms,
  since: number,
): Promise<number[]> {
  const recent = rooms.recent.amongChangedSince(own.joined, since);
  if (recent) return recent;
  const rows = await database.all<{ room_nid: number }>(
    sql`SELECT m.room_nid FROM memberships m WHERE m.user_nid = ${userNid} AND m.membership = 1
        AND EXISTS (SELECT 1 FROM events e WHERE e.room_nid = m.room_nid AND e.position > ${since})`,
  );
  return rows.map((row) => row.room_nid);
}

async function wasEverInside(db: Db, userNid: number, roomNid: number): Promise<boolean> {
  const row = await db.get(
    sql`SELECT 1 AS found FROM local_membership_changes WHERE user_nid = ${userNid} AND room_nid = ${roomNid} AND previous = 1 LIMIT 1`,
  );
  return row !== undefined;
}
