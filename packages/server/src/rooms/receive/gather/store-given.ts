import type { EventId } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../room-ids.ts';
import { atTheDoorFormed, type CheckedEvent, type DoorVerdict } from '../door/at-the-door.ts';
import { checkFormat, type FormatOutcome } from '../door/check-format.ts';
import { outOfBandNids } from '../enter/out-of-band.store.ts';
import { OutlierWriting } from '../outliers/store-outliers.ts';
import { mostStateEvents, type ReceiveTools } from '../receive-tools.ts';
import type { GivenState, RawPdu } from '../remote-events.ts';

/** What came of a state that another server gave. */
export interface StoredState {
  /** The events that are said to be the state, as far as they passed the door. */
  readonly stateIds: readonly EventId[];
  /** Events that rest on others which were not among what was given; they are not stored. */
  readonly leftOut: readonly CheckedEvent[];
}

/**
 * Stores a state while it arrives: its events pass the door and are written some at a time, so that memory holds a few of them however
 * many they are. What fails at the door is left out, as if it had not been given. Durable when it resolves; what has been written stays
 * when the rest does not come.
 */
export async function storeGiven(tools: ReceiveTools, room: RoomIdentity, given: GivenState): Promise<StoredState> {
  const stateIds: EventId[] = [];
  // What the state names, its auth chain names again.
  const seen = new Set<EventId>();
  const writing = new OutlierWriting(tools, room);
  // Their auth events may come later.
  let waiting: CheckedEvent[] = [];
  const take = async ({ verdicts, known, inState }: Looked): Promise<void> => {
    if (inState) stateIds.push(...known);
    const passed: CheckedEvent[] = [];
    for (const verdict of verdicts) {
      if (!verdict.ok) {
        logDropped(tools, room, verdict);
        continue;
      }
      if (inState) stateIds.push(verdict.eventId);
      if (seen.has(verdict.eventId)) continue;
      seen.add(verdict.eventId);
      passed.push(verdict);
    }
    waiting.push(...(await writing.add(passed)));
  };
  let count = 0;
  let before: Promise<Looked> | undefined;
  for await (const { events, inState } of given) {
    if ((count += events.length) > mostStateEvents) throw new Error(`a state of more than ${mostStateEvents} events`);
    const looking = look(tools, room, events, inState);
    // Whoever waits for an earlier one may be gone with that one's failure.
    looking.catch(() => undefined);
    // Signatures are verified by other threads: meanwhile this one reads the events behind.
    if (before) await take(await before);
    before = looking;
  }
  if (before) await take(await before);
  if (waiting.length > 0) waiting = [...(await writing.add(waiting))];
  await writing.end();
  return { stateIds, leftOut: waiting };
}

interface Looked {
  readonly verdicts: readonly DoorVerdict[];
  readonly known: readonly EventId[];
  readonly inState: boolean;
}

async function look(tools: ReceiveTools, room: RoomIdentity, events: readonly RawPdu[], inState: boolean): Promise<Looked> {
  const formed = events.map((raw) => checkFormat(raw, room));
  const here = await tools.events.nidsOf(formed.flatMap(({ eventId }) => eventId ?? []));
  // One that came without its room is to be stored anew, with what it rests on.
  const outOfBand = await outOfBandNids(tools.database, [...here.values()]);
  for (const [eventId, nid] of here) if (outOfBand.has(nid)) here.delete(eventId);
  const isNew = ({ eventId }: FormatOutcome): boolean => eventId === undefined || !here.has(eventId);
  const verdicts = await atTheDoorFormed(tools.network.verifier, room, here.size === 0 ? formed : formed.filter(isNew));
  return { verdicts, known: [...here.keys()], inState };
}

function logDropped(tools: ReceiveTools, { roomId }: RoomIdentity, verdict: Extract<DoorVerdict, { ok: false }>): void {
  const { eventId, reason } = verdict;
  tools.logger.info({ roomId, eventId, reason }, "an event of a room's state was dropped");
}
