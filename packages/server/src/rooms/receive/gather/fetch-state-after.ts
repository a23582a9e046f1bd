import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import { inList, sql } from '../../../platform/database/index.ts';
import type { Member } from '../../membership/member.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import { emptyState, type State, type StateEntry } from '../../state/index.ts';
import { mostStateEvents, mostStateEventsOneByOne, type ReceiveTools } from '../receive-tools.ts';
import { ask, askForEvents, unreachable } from './ask.ts';
import { gather } from './fetch-auth-events.ts';
import { storeGiven, type StoredState } from './store-given.ts';

/** Events are looked up so many at a time: others are served in between. */
const readAtOnce = 2_000;

/**
 * The state after an event that has no place here, as another server has it. Its events are stored as outliers, each judged by its own
 * auth events. Undefined where that server does not give it. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid
 */
export async function fetchStateAfter(
  tools: ReceiveTools,
  room: RoomIdentity,
  eventId: EventId,
  server: ServerName,
): Promise<State | undefined> {
  const before = await fetchStateBefore(tools, room, eventId, server);
  if (before === undefined) return undefined;
  if (!(await tools.events.byId(eventId))) {
    const { events } = await askForEvents(tools, room, server, [eventId]);
    await gather(tools, room, server, events, events);
  }
  const event = await tools.events.byId(eventId);
  if (!event || event.roomNid !== room.nid) return undefined;
  if (event.stateKey === undefined || event.verdict === 'rejected') return before;
  const [place] = await tools.states.keysOf([[event.type, event.stateKey]]);
  return place && tools.states.tree.apply(room.nid, before, [{ ...place, event: event.nid }]);
}

/** The state before an event, as another server has it. */
export async function fetchStateBefore(
  tools: ReceiveTools,
  room: RoomIdentity,
  eventId: EventId,
  server: ServerName,
): Promise<State | undefined> {
  const { remote } = tools.network;
  const ids = await ask(tools, room, () => remote.stateIds(server, room.roomId, eventId));
  if (ids === unreachable || ids === undefined) return undefined;
  const { stateIds, authChainIds } = ids;
  if (stateIds.length + authChainIds.length > mostStateEvents) return undefined;
  const wanted = [...new Set([...stateIds, ...authChainIds])];
  const missing = await unknownOf(tools, wanted);
  if (missing.length > mostStateEventsOneByOne) {
    const stored = await ask(tools, room, () => storeWhole(tools, room, server, eventId));
    if (stored === unreachable || stored === undefined) return undefined;
  } else if (missing.length > 0) {
    const { events } = await askForEvents(tools, room, server, missing);
    await gather(tools, room, server, [], events);
  }
  return stateOf(tools, room, stateIds);
}

/** A whole state with those of its members who were not known before, by the numbers of their events. */
export interface WholeState {
  readonly state: State;
  readonly members: ReadonlyMap<number, Member>;
}

/** The same with all events in one answer, for a room of which nearly nothing is here. */
export async function fetchWholeStateBefore(
  tools: ReceiveTools,
  room: RoomIdentity,
  eventId: EventId,
  server: ServerName,
): Promise<WholeState | undefined> {
  const stored = await ask(tools, room, () => storeWhole(tools, room, server, eventId));
  if (stored === unreachable || stored === undefined) return undefined;
  const state = await stateOfStored(tools, room, stored);
  return state === undefined ? undefined : { state, members: stored.members };
}

/** The same where all of its events turn out to be stored; undefined where some are not. */
export async function storedStateBefore(
  tools: ReceiveTools,
  room: RoomIdentity,
  eventId: EventId,
  server: ServerName,
): Promise<State | undefined> {
  const ids = await ask(tools, room, () => tools.network.remote.stateIds(server, room.roomId, eventId));
  if (ids === unreachable || ids === undefined || ids.stateIds.length > mostStateEvents) return undefined;
  return (await unknownOf(tools, ids.stateIds)).length > 0 ? undefined : stateOf(tools, room, ids.stateIds);
}

/** Stores a whole state with what it rests on. */
async function storeWhole(
  tools: ReceiveTools,
  room: RoomIdentity,
  server: ServerName,
  eventId: EventId,
): Promise<StoredState | undefined> {
  const whole = await tools.network.remote.state(server, room.roomId, eventId);
  if (whole === undefined) return undefined;
  const stored = await storeGiven(tools, room, whole);
  if (stored.leftOut.length > 0) await gather(tools, room, server, [], stored.leftOut);
  return stored;
}

async function unknownOf(tools: ReceiveTools, eventIds: readonly EventId[]): Promise<EventId[]> {
  const known = await tools.events.nidsOf(eventIds);
  return eventIds.filter((eventId) => !known.has(eventId));
}

interface StateRow {
  event_nid: number;
  type_nid: number;
  state_key_nid: number;
}

/** The state that was given, as far as it is stored; undefined where it is none, see `stateOf`. */
export function stateOfStored(
  tools: ReceiveTools,
  room: RoomIdentity,
  { known, entries }: StoredState,
): Promise<State | undefined> {
  return stateOf(tools, room, known, entries);
}

/**
 * The state that consists of these events: those of them that are state events of this room and were not rejected. Undefined where two
 * of them are for the same type and state key: such a thing is no state, and which of the two counts would be for the order in which
 * they are given to decide.
 */
async function stateOf(
  tools: ReceiveTools,
  room: RoomIdentity,
  eventIds: readonly EventId[],
  atHand: readonly StateEntry[] = [],
): Promise<State | undefined> {
  const changes = [...atHand];
  // Some may be known by a write of somebody else that is not committed yet.
  if (eventIds.length > 0) await tools.registry.inTurn(room, ({ lastWrite }) => lastWrite);
  for (let from = 0; from < eventIds.length; from += readAtOnce) {
    const nids = [...(await tools.events.nidsOf(eventIds.slice(from, from + readAtOnce))).values()];
    const rows = await tools.database.all<StateRow>(
      sql`SELECT event_nid, type_nid, state_key_nid FROM events WHERE event_nid ${inList(nids)} AND room_nid = ${room.nid}
          AND state_key_nid IS NOT NULL AND verdict <> 2`,
    );
    for (const row of rows) changes.push({ type: row.type_nid, stateKey: row.state_key_nid, event: row.event_nid });
  }
  if (!contradictsItself(changes)) return tools.states.tree.apply(room.nid, emptyState, changes);
  tools.logger.info({ roomId: room.roomId }, 'a state was left aside that has two events for one place');
  return undefined;
}

function contradictsItself(entries: readonly StateEntry[]): boolean {
  const byType = new Map<number, Map<number, number>>();
  for (const { type, stateKey, event } of entries) {
    const ofType = byType.get(type) ?? new Map<number, number>();
    byType.set(type, ofType);
    const other = ofType.get(stateKey);
    if (other !== undefined && other !== event) return true;
    ofType.set(stateKey, event);
  }
  return false;
}
