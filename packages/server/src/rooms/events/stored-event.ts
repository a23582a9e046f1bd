import type { JsonObject } from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';

import type { StateRoot } from '../state/index.ts';

/**
 * What became of an event on receipt; https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 * A soft-failed one is part of the graph but not of what clients see; a rejected one is of neither.
 */
export type EventVerdict = 'accepted' | 'soft-failed' | 'rejected';

// The order is stored: append only.
const verdicts: readonly EventVerdict[] = ['accepted', 'soft-failed', 'rejected'];

/** The number that stands for a verdict in the database. */
export function verdictCode(verdict: EventVerdict): number {
  return verdicts.indexOf(verdict);
}

/** The verdict behind a number in the database. */
export function verdictOfCode(code: number): EventVerdict {
  const verdict = verdicts[code];
  if (!verdict) throw new RangeError(`no verdict has the code ${code}`);
  return verdict;
}

/** What a stored event is made of; see `StoredEvent` for the meaning of each. */
export interface StoredEventParts {
  readonly nid: number;
  readonly roomNid: number;
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly type: string;
  readonly sender: UserId;
  readonly senderNid: number;
  readonly stateKey: string | undefined;
  readonly originServerTs: number;
  readonly depth: number;
  readonly position: number | undefined;
  readonly verdict: EventVerdict;
  readonly stateRoot: StateRoot | undefined;
  readonly roomRoot: StateRoot | undefined;
  readonly replacesNid: number | undefined;
  readonly redactedByNid: number | undefined;
  readonly contentJson: string;
  readonly envelope: Uint8Array;
}

/** An event as it lies in the database, with its content parsed when somebody asks for it. Shared by all readers: never changed. */
export class StoredEvent implements StoredEventParts {
  /** Our integer for it. */
  readonly nid: number;
  readonly roomNid: number;
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly type: string;
  readonly sender: UserId;
  readonly senderNid: number;
  readonly stateKey: string | undefined;
  readonly originServerTs: number;
  readonly depth: number;
  /** Where it stands in the events stream; undefined for an outlier, which is known but has no place in the timeline. */
  readonly position: number | undefined;
  readonly verdict: EventVerdict;
  /** The state after it; undefined for an outlier. */
  readonly stateRoot: StateRoot | undefined;
  /** The room's current state once it was persisted, where other branches make that another one than `stateRoot`. */
  readonly roomRoot: StateRoot | undefined;
  /** The state event of the same type and key that it took the place of. */
  readonly replacesNid: number | undefined;
  readonly redactedByNid: number | undefined;
  /** The content; what redaction has left of it where the event is redacted. The original stays in the database for a while. */
  readonly contentJson: string;
  /** The rest of the PDU in compact form; `event-codec.ts`. */
  readonly envelope: Uint8Array;
  #content: JsonObject | undefined;

  /** @param content the parsed content where it is at hand; it must be what `contentJson` says. */
  constructor(parts: StoredEventParts, content?: JsonObject) {
    this.#content = content;
    this.nid = parts.nid;
    this.roomNid = parts.roomNid;
    this.roomId = parts.roomId;
    this.eventId = parts.eventId;
    this.type = parts.type;
    this.sender = parts.sender;
    this.senderNid = parts.senderNid;
    this.stateKey = parts.stateKey;
    this.originServerTs = parts.originServerTs;
    this.depth = parts.depth;
    this.position = parts.position;
    this.verdict = parts.verdict;
    this.stateRoot = parts.stateRoot;
    this.roomRoot = parts.roomRoot;
    this.replacesNid = parts.replacesNid;
    this.redactedByNid = parts.redactedByNid;
    this.contentJson = parts.contentJson;
    this.envelope = parts.envelope;
  }

  get content(): JsonObject {
    return (this.#content ??= parseContent(this.contentJson));
  }

  get isState(): boolean {
    return this.stateKey !== undefined;
  }

  /** The room's current state right after this event came in. */
  get currentRoot(): StateRoot | undefined {
    return this.roomRoot ?? this.stateRoot;
  }

  /** The same event after something about it has changed. */
  with(changes: Partial<StoredEventParts>): StoredEvent {
    return new StoredEvent({ ...this.parts(), ...changes });
  }

  /** About how many bytes of memory it holds. */
  get cost(): number {
    return 500 + 3 * this.contentJson.length + this.envelope.length;
  }

  /** Its fields as plain data. */
  parts(): StoredEventParts {
    return {
      nid: this.nid,
      roomNid: this.roomNid,
      roomId: this.roomId,
      eventId: this.eventId,
      type: this.type,
      sender: this.sender,
      senderNid: this.senderNid,
      stateKey: this.stateKey,
      originServerTs: this.originServerTs,
      depth: this.depth,
      position: this.position,
      verdict: this.verdict,
      stateRoot: this.stateRoot,
      roomRoot: this.roomRoot,
      replacesNid: this.replacesNid,
      redactedByNid: this.redactedByNid,
      contentJson: this.contentJson,
      envelope: this.envelope,
    };
  }
}

function parseContent(json: string): JsonObject {
  // JSON.parse makes `__proto__` an own property, so nothing a stranger wrote reaches a prototype.
  return JSON.parse(json) as JsonObject;
}
