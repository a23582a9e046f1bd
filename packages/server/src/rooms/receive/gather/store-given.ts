import type { EventId } from '@myelin/protocol/identifiers';

import type { NewEvent } from '../../events/event-store.ts';
import { memberOf, type Member } from '../../membership/member.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { StateEntry } from '../../state/index.ts';
import { atTheDoorFormed, type CheckedEvent, type DoorVerdict } from '../door/at-the-door.ts';
import { checkFormat, type FormatOutcome } from '../door/check-format.ts';
import { outOfBandNids } from '../enter/out-of-band.store.ts';
import { OutlierWriting } from '../outliers/store-outliers.ts';
import { mostStateEvents, type ReceiveTools } from '../receive-tools.ts';
import type { GivenState, RawPdu } from '../remote-events.ts';

/** What came of a state that another server gave. */
export interface StoredState {
  /** The state: those of its events that passed the door and are allowed by what they name. */
  readonly entries: readonly StateEntry[];
  /** Those of its members who were not known before, by the number of their event. */
  readonly members: ReadonlyMap<number, Member>;
  /** Events that are said to be in it and were here already. */
  readonly known: readonly EventId[];
  /** Events that rest on others which were not among what was given; they are not stored. */
  readonly leftOut: readonly CheckedEvent[];
}

/** The events of old rooms may be from before there were limits. */
const asHistory = { anyNumberOfReferences: true };

/**
 * Stores a state while it arrives: its events pass the door and are written some at a time, so that memory holds a few of them however
 * many they are. What fails at the door is left out, as if it had not been given. Durable when it resolves; what has been written stays
 * when the rest does not come, and costs no second look at its signatures.
 */
export async function storeGiven(tools: ReceiveTools, room: RoomIdentity, given: GivenState): Promise<StoredState> {
  const storing = new Storing(tools, room);
  let count = 0;
  let before: Promise<Looked> | undefined;
  try {
    for await (const { events, inState } of given) {
      if ((count += events.length) > mostStateEvents) throw new Error(`a state of more than ${mostStateEvents} events`);
      const looking = storing.look(events, inState);
      // Whoever waits for an earlier one may be gone with that one's failure.
      looking.catch(() => undefined);
      // Signatures are verified by other threads: meanwhile this one reads the events behind.
      if (before) await storing.take(await before);
      before = looking;
    }
  } catch (error) {
    // What was verified need not be so again.
    if (before) await storing.take(await before);
    await storing.end();
    throw error;
  }
  if (before) await storing.take(await before);
  return storing.end();
}

class Storing {
  readonly #tools: ReceiveTools;
  readonly #room: RoomIdentity;
  readonly #writing: OutlierWriting;
  readonly #entries: StateEntry[] = [];
  readonly #members = new Map<number, Member>();
  readonly #known: EventId[] = [];
  /** What the state names, its auth chain names again. */
  readonly #seen = new Set<EventId>();
  /** Events whose auth events may come later. */
  readonly #waiting = new Map<CheckedEvent, boolean>();

  constructor(tools: ReceiveTools, room: RoomIdentity) {
    this.#tools = tools;
    this.#room = room;
    this.#writing = new OutlierWriting(tools, room);
  }

  /** The checks at the door, of those that are neither stored nor have been met in the same answer. */
  async look(events: readonly RawPdu[], inState: boolean): Promise<Looked> {
    const formed = events.map((raw) => checkFormat(raw, this.#room, asHistory));
    const [fresh, met] = [[] as FormatOutcome[], [] as EventId[]];
    for (const outcome of formed) {
      const { eventId } = outcome;
      if (eventId === undefined || !this.#seen.has(eventId)) fresh.push(outcome);
      else met.push(eventId);
      if (eventId !== undefined) this.#seen.add(eventId);
    }
    const here = await this.#tools.events.nidsOf(fresh.flatMap(({ eventId }) => eventId ?? []));
    // One that came without its room is to be stored anew, with what it rests on.
    const outOfBand = await outOfBandNids(this.#tools.database, [...here.values()]);
    for (const [eventId, nid] of here) if (outOfBand.has(nid)) here.delete(eventId);
    const isNew = ({ eventId }: FormatOutcome): boolean => eventId === undefined || !here.has(eventId);
    const { verifier } = this.#tools.network;
    const verdicts = await atTheDoorFormed(verifier, this.#room, here.size === 0 ? fresh : fresh.filter(isNew));
    return { verdicts, known: [...met, ...here.keys()], inState };
  }

  async take({ verdicts, known, inState }: Looked): Promise<void> {
    if (inState) this.#known.push(...known);
    const passed: CheckedEvent[] = [];
    for (const verdict of verdicts) {
      if (verdict.ok) passed.push(verdict);
      else logDropped(this.#tools, this.#room, verdict);
    }
    const { written, leftOut } = await this.#writing.add(passed);
    for (const checked of leftOut) this.#waiting.set(checked, inState);
    if (!inState) return;
    this.#note(written);
    // Somebody else has stored the rest in the meantime.
    if (written.length + leftOut.length < passed.length) this.#known.push(...passed.map(({ eventId }) => eventId));
  }

  async end(): Promise<StoredState> {
    const late = [...this.#waiting.keys()];
    const { leftOut } = late.length > 0 ? await this.#writing.add(late) : { leftOut: [] };
    for (const [{ eventId }, inState] of this.#waiting) if (inState) this.#known.push(eventId);
    await this.#writing.end();
    return { entries: this.#entries, members: this.#members, known: this.#known, leftOut };
  }

  #note(written: readonly NewEvent[]): void {
    for (const { event, typeNid, stateKeyNid } of written) {
      if (stateKeyNid === undefined || event.verdict === 'rejected') continue;
      this.#entries.push({ type: typeNid, stateKey: stateKeyNid, event: event.nid });
      if (event.type === 'm.room.member') this.#members.set(event.nid, memberOf(event));
    }
  }
}

interface Looked {
  readonly verdicts: readonly DoorVerdict[];
  readonly known: readonly EventId[];
  readonly inState: boolean;
}

function logDropped(tools: ReceiveTools, { roomId }: RoomIdentity, verdict: Extract<DoorVerdict, { ok: false }>): void {
  const { eventId, reason } = verdict;
  tools.logger.info({ roomId, eventId, reason }, "an event of a room's state was dropped");
}
