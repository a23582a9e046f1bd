import { CanonicalJsonError, parseExactJson, parseJson } from '@myelin/protocol/canonical-json';
import {
  bareIds,
  checkPduFormat,
  eventIdAndSignableText,
  roomEventFromPdu,
  type FormatOptions,
  type Pdu,
  type RoomEvent,
} from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { isSpeltAsIn } from '../../events/event-codec-ids.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { RawPdu } from '../remote-events.ts';

/** An event of the right form. */
export interface FormedPdu {
  readonly eventId: EventId;
  /** With floats and great integers as their server spelt them, where the room version counts them so. */
  readonly pdu: Pdu;
  readonly event: RoomEvent;
  /** The text that signatures of the event cover, where it is at hand. */
  readonly signable?: string;
}

export type FormatOutcome =
  | ({ readonly ok: true } & FormedPdu)
  | { readonly ok: false; readonly eventId: EventId | undefined; readonly reason: string };

/**
 * Check 1: "Is a valid event, otherwise it is dropped."
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function checkFormat(raw: RawPdu, room: Pick<RoomIdentity, 'roomId' | 'rules'>, options?: FormatOptions): FormatOutcome {
  const { rules } = room;
  let eventId: EventId | undefined;
  try {
    // Strictly, `2.0` and `1e2` are no integers: what is checked must be as it was spelt.
    const exact = typeof raw === 'string' ? parseExactJson(raw) : raw;
    const plain = typeof raw === 'string' && !rules.strictCanonicalJson ? parseJson(raw) : plainOf(exact, rules);
    const format = checkPduFormat(plain, rules, options);
    if (!format.ok) return { ok: false, eventId, reason: format.reason };
    const pdu = exact as Pdu;
    const { text, ...identified } = eventIdAndSignableText(pdu, rules);
    eventId = identified.eventId;
    const event = roomEventFromPdu(format.pdu, rules, eventId);
    const reason = faultOf(event, format.pdu, room);
    if (reason !== undefined) return { ok: false, eventId, reason };
    return { ok: true, eventId, pdu, event, signable: text };
  } catch (error) {
    if (error instanceof CanonicalJsonError || error instanceof SyntaxError) return { ok: false, eventId, reason: error.message };
    throw error;
  }
}

/** The event as the rules read it: with plain numbers. */
export function roomEventOf(pdu: Pdu, rules: RoomVersionRules, eventId: EventId): RoomEvent {
  return roomEventFromPdu(plainOf(pdu, rules) as Pdu, rules, eventId);
}

/** Numbers that were kept as text become numbers again. */
function plainOf(value: unknown, rules: RoomVersionRules): unknown {
  return rules.strictCanonicalJson ? value : parseJson(JSON.stringify(value));
}

function faultOf(event: RoomEvent, pdu: Pdu, { roomId, rules }: Pick<RoomIdentity, 'roomId' | 'rules'>): string | undefined {
  if (event.roomId !== roomId) return `the event is of another room, ${event.roomId}`;
  for (const [key, text] of [
    ['type', event.type],
    ['state_key', event.stateKey ?? ''],
    ['sender', event.sender],
  ]) {
    // No canonical JSON could carry the one, and no text column the other.
    if (!text?.isWellFormed() || text.includes('\0')) return `${key} is not text without U+0000`;
  }
  for (const eventId of [...bareIds(pdu.prev_events), ...bareIds(pdu.auth_events)]) {
    // Hashes can be spelt in two alphabets, and only one of them is an id.
    if (!isSpeltAsIn(eventId, rules)) return `${eventId} is no event id of room version ${rules.id}`;
    if (eventId === event.eventId) return 'the event refers to itself';
  }
  return undefined;
}
