import { invalidParam } from '@myelin/protocol/errors';

import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import { decodeSyncToken, encodeSyncToken, type Notifier, type SyncToken } from '../../platform/streams/index.ts';
import { localMembershipChanges, type StoredEvent, type Viewer, type VisibleEvent } from '../../rooms/index.ts';
import { SyncSources } from '../sync/index.ts';
import type { InitialSyncTools } from './initial-sync.ts';
import { readableRoom } from './room-access.ts';
import { eventsOfRooms } from './room-history.store.ts';

/** What the long poll of old needs. */
export interface OldEventsTools extends InitialSyncTools {
  readonly database: Database;
  readonly notifier: Notifier;
  readonly clock: Clock;
}

/** What old clients ask for. */
export interface OldEventsQuery {
  readonly from?: string;
  /** Milliseconds. */
  readonly timeout?: number;
  /** Look into this room only, without being in it. */
  readonly room_id?: string;
}

export interface OldEvents {
  readonly start: string;
  readonly end: string;
  readonly chunk: readonly string[];
}

const maxEvents = 100;
/** Positions of the stream that one look covers: a token from long ago must not have all that came since put in order at once. */
const maxStretch = 10_000;
const usualTimeoutMs = 30_000;
const longestTimeoutMs = 300_000;

/**
 * The events of a user's rooms, or of one room that is looked into, after a token; waits for some where there are none.
 * Throws M_INVALID_PARAM for a token that is none, M_FORBIDDEN for a room that may not be looked into.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3events
 */
export async function oldEvents(
  tools: OldEventsTools,
  viewer: Viewer,
  query: OldEventsQuery,
  signal: AbortSignal,
): Promise<OldEvents> {
  const { rooms, clock } = tools;
  const sources = new SyncSources(rooms, tools.sources());
  const since = query.from === undefined ? { ...sources.now(), to_device: 0 } : decodeSyncToken(query.from);
  if (!since) throw invalidParam('from is not a token of this server');
  const room = query.room_id === undefined ? undefined : await readableRoom(rooms, viewer, query.room_id);
  const deadline = clock.monotonic() + Math.min(query.timeout ?? usualTimeoutMs, longestTimeoutMs);
  const waiter = room ? waitForRoom(tools, room.room.nid) : tools.notifier.register(viewer.userNid);
  try {
    for (let from = since; ;) {
      const upTo = sources.now();
      const range = { since: from.events, upTo: Math.min(upTo.events, room?.access.until?.position ?? Infinity) };
      const { events, end } = await eventsIn(tools, viewer, room?.room.nid, range);
      // Messages to devices are not told here: where they stood in the token, they stay.
      const next: SyncToken = { ...upTo, to_device: since.to_device, events: Math.max(end, since.events) };
      const left = deadline - clock.monotonic();
      if (events.length > 0 || left <= 0 || signal.aborted) {
        const chunk = await rooms.serving.serve(viewer, events, { withRoomId: true });
        return { start: encodeSyncToken(since), end: encodeSyncToken(next), chunk };
      }
      from = next;
      // Nothing to see so far, but there is more behind it.
      if (end < range.upTo) continue;
      await waiter.wait(left, signal);
    }
  } finally {
    waiter.close();
  }
}

async function eventsIn(
  tools: OldEventsTools,
  viewer: Viewer,
  roomNid: number | undefined,
  whole: { readonly since: number; readonly upTo: number },
): Promise<{ events: readonly VisibleEvent[]; end: number }> {
  const { database, rooms } = tools;
  if (whole.since >= whole.upTo) return { events: [], end: whole.upTo };
  const range = { since: whole.since, upTo: Math.min(whole.upTo, whole.since + maxStretch) };
  const [ofRooms, own] = roomNid === undefined ? await usersRooms(tools, viewer, range) : [[roomNid], []];
  const nids = await eventsOfRooms(database, ofRooms, { ...range, limit: maxEvents });
  const full = nids.length === maxEvents;
  const page = await rooms.events.listByNids(nids);
  const end = full ? (page.at(-1)?.position ?? range.upTo) : range.upTo;
  const ownEvents = (await rooms.events.listByNids(own)).filter((event) => (event.position ?? 0) <= end);
  const all = new Map([...page, ...ownEvents].map((event) => [event.nid, event]));
  const events = [...all.values()].sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  const visible = new Map<number, VisibleEvent>();
  for (const nid of new Set(events.map((event) => event.roomNid))) {
    const inRoom = events.filter((event) => event.roomNid === nid);
    for (const one of await rooms.visibility.visibleTo(viewer, nid, inRoom)) visible.set(one.event.nid, one);
  }
  // An invite is for whom it names, whatever else of the room they may see.
  for (const event of ownEvents) if (isInvite(event)) visible.set(event.nid, { event, membership: 'invite' });
  return { events: events.flatMap((event) => visible.get(event.nid) ?? []), end };
}

/** The rooms of a user that have news, and the events that changed the user's own membership. */
async function usersRooms(
  { database, rooms }: OldEventsTools,
  viewer: Viewer,
  range: { readonly since: number; readonly upTo: number },
): Promise<[number[], number[]]> {
  const joined = new Set(await rooms.memberships.joinedRooms(viewer.userNid));
  const changed = rooms.recent.amongChangedSince(joined, range.since) ?? [...joined];
  const ignored = await rooms.hooks.ignoredUsers(viewer.userNid);
  const changes = await localMembershipChanges(database, viewer.userNid, range.since, range.upTo);
  const events = await rooms.events.listByNids(changes.map(({ eventNid }) => eventNid));
  return [changed, events.filter((event) => !(isInvite(event) && ignored.has(event.sender))).map(({ nid }) => nid)];
}

function isInvite(event: StoredEvent): boolean {
  return event.type === 'm.room.member' && event.content['membership'] === 'invite';
}

interface RoomWaiter {
  wait(timeoutMs: number, signal: AbortSignal): Promise<unknown>;
  close(): void;
}

/** Wakes when events come into a room, for somebody who is not among its members. */
function waitForRoom({ notifier, rooms, clock }: OldEventsTools, roomNid: number): RoomWaiter {
  let seen = rooms.stream.now;
  let wake: (() => void) | undefined;
  const unregister = notifier.onWake((stream) => {
    if (stream === rooms.stream.name && rooms.recent.mayHaveChanged(roomNid, seen)) wake?.();
  });
  return {
    close: unregister,
    wait: (timeoutMs, signal) => {
      if (rooms.recent.mayHaveChanged(roomNid, seen)) {
        seen = rooms.stream.now;
        return Promise.resolve();
      }
      return new Promise<void>((resolve) => {
        const timer = clock.schedule(timeoutMs, () => wake?.());
        wake = () => {
          wake = undefined;
          timer.cancel();
          signal.removeEventListener('abort', woken);
          seen = rooms.stream.now;
          resolve();
        };
        const woken = (): void => wake?.();
        signal.addEventListener('abort', woken, { once: true });
        if (signal.aborted) woken();
      });
    },
  };
}
