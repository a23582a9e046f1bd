import type { CompiledEventFilter } from '@myelin/protocol/filters';

import { emptyState, type Rooms, type StateName, type StateRoot, type StoredEvent } from '../../../rooms/index.ts';
import { tellsStateAfter, tellsWholeState, type RoomStretch, type SyncView } from '../sync-view.ts';
import { sendersToShow, type LazyMembers } from './lazy-members.ts';
import { sendersBehind } from './senders-behind.ts';
import type { SharedReads } from './shared-reads.ts';
import type { TimelinePart } from './timeline-part.ts';

export interface StateTools {
  readonly rooms: Rooms;
  readonly reads: SharedReads;
  readonly lazyMembers: LazyMembers;
}

/** The state that goes with a timeline, and what of the room's current state has changed in the stretch. */
export interface StatePart {
  /** For `state` or `state_after`. */
  readonly events: readonly StoredEvent[];
  /** Entries that changed in the stretch, in or outside the timeline; all of them for a room that is new to the client. */
  readonly changed: readonly StoredEvent[];
  /** The room's state at the end of the stretch. */
  readonly rootAtEnd: StateRoot;
}

interface Roots {
  readonly since: StateRoot;
  readonly start: StateRoot;
  readonly end: StateRoot;
}

/**
 * What a client must be told beside the timeline to know the room's state: what changed up to the start of the timeline, or (for
 * `state_after`) up to its end. Changes within the timeline that the client is not shown (by a filter, by history visibility) belong to
 * the former too, lest it never hear of them.
 * https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
export async function statePart(
  tools: StateTools,
  view: SyncView,
  room: RoomStretch,
  timeline: TimelinePart,
  heroes: (rootAtEnd: StateRoot) => Promise<readonly string[]>,
): Promise<StatePart> {
  const [since, start, end] = await Promise.all([
    room.since === undefined ? emptyState : tools.reads.rootAt(room.nid, room.since),
    tools.reads.rootAt(room.nid, timeline.startsAfter),
    tools.reads.rootAt(room.nid, room.upTo),
  ]);
  const roots: Roots = { since, start, end };
  const isWhole = tellsWholeState(view, room);
  const shown = timeline.events.map(({ event }) => event);
  const lazily = view.filter.lazyLoadMembers;
  const changed = room.since === undefined ? [] : await entriesThatDiffer(tools.rooms, room.nid, roots.since, roots.end);
  const wanted = new Map<string, StoredEvent>();
  const base = isWhole
    ? await wholeState(tools, view, room, roots, shown)
    : await changesOfState(tools, view, room, roots, shown, changed);
  for (const event of base) wanted.set(placeOf(event), event);
  if (lazily) {
    const users = sendersToShow(shown);
    if (isWhole) users.add(view.viewer.userId);
    const needed = new Set<string>([...users, ...(isWhole ? await heroes(end) : [])]);
    const members = await membersOf(tools.rooms, room.nid, tellsStateAfter(view) ? end : start, needed);
    // Of whom the state does not know yet, what they send tells.
    if (tools.rooms.partial.of(room.nid)) members.push(...(await sendersBehind(tools.rooms, shown, members)));
    for (const member of members) {
      const place = placeOf(member);
      if (wanted.has(place)) continue;
      const isRedundant = !isWhole && !view.filter.includeRedundantMembers && tools.lazyMembers.has(view.membersKnownTo, member);
      if (!isRedundant) wanted.set(place, member);
    }
    for (const event of [...wanted.values(), ...shown]) {
      if (event.type === 'm.room.member' && event.isState) tools.lazyMembers.sent(view.membersKnownTo, event);
    }
  }
  const events = filtered([...wanted.values()], view.filter.state).sort((a, b) => a.nid - b.nid);
  return { events, changed: isWhole ? base : changed, rootAtEnd: end };
}

/** All of the state; of the members none, where they are loaded lazily, but for those that changed unseen. */
async function wholeState(
  { rooms }: StateTools,
  view: SyncView,
  room: RoomStretch,
  roots: Roots,
  shown: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const part = view.filter.lazyLoadMembers ? 'others' : 'all';
  if (tellsStateAfter(view)) return rooms.states.all(room.nid, roots.end, part);
  const touched = new Set(shown.filter(({ isState }) => isState).map(placeOf));
  const [atStart, unseen] = await Promise.all([
    rooms.states.all(room.nid, roots.start, part),
    entriesThatDiffer(rooms, room.nid, roots.start, roots.end),
  ]);
  // The later of two events at one place wins in the caller's map.
  return [...atStart, ...unseen.filter((event) => !touched.has(placeOf(event)))];
}

async function changesOfState(
  { rooms }: StateTools,
  view: SyncView,
  room: RoomStretch,
  roots: Roots,
  shown: readonly StoredEvent[],
  changed: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  if (tellsStateAfter(view)) return [...changed];
  const touched = new Set(shown.filter(({ isState }) => isState).map(placeOf));
  const beforeStart =
    touched.size === 0
      ? []
      : (await entriesThatDiffer(rooms, room.nid, roots.since, roots.start)).filter((event) => touched.has(placeOf(event)));
  return [...beforeStart, ...changed.filter((event) => !touched.has(placeOf(event)))];
}

/** What the second state has that the first has not. */
async function entriesThatDiffer(rooms: Rooms, roomNid: number, before: StateRoot, after: StateRoot): Promise<StoredEvent[]> {
  if (before === after) return [];
  const differences = await rooms.states.tree.diff(roomNid, before, after);
  return rooms.events.listByNids(differences.flatMap((difference) => difference.after ?? []));
}

async function membersOf(rooms: Rooms, roomNid: number, root: StateRoot, users: ReadonlySet<string>): Promise<StoredEvent[]> {
  const names = Array.from(users, (user): StateName => ['m.room.member', user]);
  return (await rooms.states.events(roomNid, root, names)).filter((event) => event !== undefined);
}

function filtered(events: readonly StoredEvent[], filter: CompiledEventFilter): StoredEvent[] {
  return filter.passesAll ? [...events] : events.filter((event) => filter.matches(event));
}

function placeOf({ type, stateKey }: StoredEvent): string {
  return `${type}\0${stateKey ?? ''}`;
}
