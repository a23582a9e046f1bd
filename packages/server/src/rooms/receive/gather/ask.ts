import type { FormatOptions } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../room-ids.ts';
import { atTheDoor, type CheckedEvent } from '../door/at-the-door.ts';
import { fetchesAtOnce, type ReceiveTools } from '../receive-tools.ts';
import type { RawPdu } from '../remote-events.ts';

/** What asking came to. `answered`: the server was there; what it did not give it does not have. */
export interface Answer {
  readonly events: readonly CheckedEvent[];
  readonly answered: boolean;
}

const nothing: Answer = { events: [], answered: false };

/** Asks for events by their ids, a few at a time. One that is not what was asked for, or does not pass the door, counts as not given. */
export async function askForEvents(
  tools: ReceiveTools,
  room: RoomIdentity,
  server: ServerName,
  eventIds: readonly EventId[],
): Promise<Answer> {
  const waiting = [...eventIds];
  const raw: RawPdu[] = [];
  let answered = true;
  const worker = async (): Promise<void> => {
    for (let eventId = waiting.pop(); eventId !== undefined; eventId = waiting.pop()) {
      const pdu = await ask(tools, room, () => tools.network.remote.event(server, eventId));
      if (pdu === unreachable) {
        answered = false;
        // The others would wait for nothing.
        waiting.length = 0;
      } else if (pdu !== undefined) raw.push(pdu);
    }
  };
  await Promise.all(Array.from({ length: Math.min(fetchesAtOnce, waiting.length) }, worker));
  const given = await throughTheDoor(tools, room, raw);
  const wanted = new Set(eventIds);
  return { events: given.events.filter(({ eventId }) => wanted.has(eventId)), answered: answered && given.answered };
}

/** Asks for a list of events. */
export async function askForList(
  tools: ReceiveTools,
  room: RoomIdentity,
  request: () => Promise<readonly RawPdu[] | undefined>,
  most: number,
  options?: FormatOptions,
): Promise<Answer> {
  const raw = await ask(tools, room, request);
  if (raw === unreachable) return nothing;
  return throughTheDoor(tools, room, (raw ?? []).slice(0, most), options);
}

/** Those of some events that pass the door. */
export async function throughTheDoor(
  tools: ReceiveTools,
  room: RoomIdentity,
  raw: readonly RawPdu[],
  options?: FormatOptions,
): Promise<Answer> {
  const verdicts = await atTheDoor(tools.network.verifier, room, raw, options);
  for (const verdict of verdicts) {
    if (!verdict.ok)
      tools.logger.debug({ roomId: room.roomId, eventId: verdict.eventId, reason: verdict.reason }, 'an event was dropped');
  }
  return {
    events: verdicts.filter((verdict) => verdict.ok),
    answered: !verdicts.some((verdict) => !verdict.ok && verdict.temporary === true),
  };
}

/** Stands for a server that cannot be reached, or answers nonsense. */
export const unreachable = Symbol('unreachable');

/** Runs a request to another server. That it fails is nothing unusual. */
export async function ask<T>(
  tools: ReceiveTools,
  room: RoomIdentity,
  request: () => Promise<T>,
): Promise<T | typeof unreachable> {
  try {
    return await request();
  } catch (error) {
    tools.logger.debug({ err: error, roomId: room.roomId }, 'another server could not be asked about a room');
    return unreachable;
  }
}
