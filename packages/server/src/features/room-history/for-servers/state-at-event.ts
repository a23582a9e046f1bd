import { Readable } from 'node:stream';

import { notFound } from '@myelin/protocol/errors';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import { stateBefore, type RoomIdentity, type StoredEvent } from '../../../rooms/index.ts';
import type { OpenStates } from './open-states.ts';
import { eventOfRoom, readableByServer, type ServerHistoryTools } from './readable-by-server.ts';

/** Which state is asked for: that of a room right before an event. */
export interface StateQuestion {
  readonly roomId: string;
  readonly eventId: EventId;
  readonly server: ServerName;
}

interface StateAnswer {
  readonly room: RoomIdentity;
  readonly state: readonly number[];
  readonly authChain: readonly number[];
}

const eventsAtOnce = 256;
const idsAtOnce = 2_000;

/**
 * The ids of the events that make the state before an event, and of their auth chain. Throws M_FORBIDDEN; M_NOT_FOUND where the event or
 * its state is not known.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid
 */
export async function stateIds(
  tools: ServerHistoryTools,
  question: StateQuestion,
): Promise<{ pdu_ids: EventId[]; auth_chain_ids: EventId[] }> {
  const { room, state, authChain } = await answerOf(tools, question);
  return { pdu_ids: await idsOf(tools, room, state), auth_chain_ids: await idsOf(tools, room, authChain) };
}

/**
 * The same with the events whole, as the text of a JSON object. It is written as it is read: the state of a large room is not held at
 * once. Throws M_LIMIT_EXCEEDED where several are on their way to that server.
 */
export async function stateJson(tools: ServerHistoryTools, open: OpenStates, question: StateQuestion): Promise<Readable> {
  const ended = open.take(question.server);
  try {
    const { room, state, authChain } = await answerOf(tools, question);
    const stream = Readable.from(stateParts(tools, room, { pdus: state, auth_chain: authChain }));
    return stream.once('close', ended);
  } catch (error) {
    ended();
    throw error;
  }
}

/** Writes an object of arrays of PDUs piece by piece. */
async function* stateParts(
  tools: ServerHistoryTools,
  room: RoomIdentity,
  lists: Readonly<Record<string, readonly number[]>>,
): AsyncGenerator<string> {
  let opening = '{';
  for (const [name, nids] of Object.entries(lists)) {
    let separator = `${opening}"${name}":[`;
    for (let at = 0; at < nids.length; at += eventsAtOnce) {
      const events = await tools.rooms.events.listByNids(nids.slice(at, at + eventsAtOnce));
      const pdus = await tools.rooms.pdus.pdusOf(events, room.rules);
      yield separator + pdus.map((pdu) => JSON.stringify(pdu)).join(',');
      separator = ',';
    }
    yield nids.length === 0 ? `${separator}]` : ']';
    opening = ',';
  }
  yield '}';
}

async function answerOf(tools: ServerHistoryTools, { roomId, eventId, server }: StateQuestion): Promise<StateAnswer> {
  const { rooms } = tools;
  const room = await readableByServer(tools, roomId, server);
  // Another server of the room has what we do not have yet.
  if (rooms.partial.of(room.nid)) throw notFound('This server does not know all of the room yet');
  const event = await eventOfRoom(tools, room, eventId);
  const state = await stateBefore(rooms.states, event);
  if (!state) throw notFound(`The state at ${eventId} is not known here`);
  const authChain = await rooms.authChains.of({ server, rules: room.rules, events: state, name: nameOfStateBefore(event) });
  return { room, state, authChain };
}

/** Events that are not part of the state share the one before them. */
function nameOfStateBefore({ nid, roomNid, stateKey, stateRoot }: StoredEvent): string {
  return stateKey === undefined ? `state ${roomNid} ${stateRoot}` : `before ${nid}`;
}

async function idsOf({ rooms }: ServerHistoryTools, { rules }: RoomIdentity, nids: readonly number[]): Promise<EventId[]> {
  const ids: EventId[] = [];
  for (let at = 0; at < nids.length; at += idsAtOnce) {
    ids.push(...(await rooms.events.idsOf(nids.slice(at, at + idsAtOnce), rules)));
  }
  return ids;
}
