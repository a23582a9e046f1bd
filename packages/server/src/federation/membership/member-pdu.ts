import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import type { JsonObject, Pdu } from '@myelin/protocol/events';
import type { Membership } from '@myelin/protocol/events/content';

/** What a membership event that somebody hands us must say. */
export interface ExpectedMember {
  readonly roomId: string;
  readonly membership: Membership;
  readonly sender?: string;
  readonly stateKey?: string;
}

/**
 * What is wrong with a membership event, or with a template of one, as a sentence; undefined where it says what it must. Its format,
 * its hash and its signatures are looked at elsewhere.
 */
export function memberFault(pdu: unknown, expected: ExpectedMember): string | undefined {
  if (!isJsonObject(pdu)) return 'an event is a JSON object';
  if (own(pdu, 'type') !== 'm.room.member') return 'the event is no m.room.member';
  if (own(pdu, 'room_id') !== expected.roomId) return `the event is not one of ${expected.roomId}`;
  if (expected.sender !== undefined && own(pdu, 'sender') !== expected.sender) {
    return `the event is not sent by ${expected.sender}`;
  }
  if (expected.stateKey !== undefined && own(pdu, 'state_key') !== expected.stateKey) {
    return `the event is not about ${expected.stateKey}`;
  }
  const content = own(pdu, 'content');
  const membership = isJsonObject(content) ? own(content, 'membership') : undefined;
  return membership === expected.membership ? undefined : `the membership is not ${expected.membership}`;
}

/** An event as the JSON that it is. */
export function pduJson(pdu: Pdu): JsonObject {
  // The type of an event allows members that no type describes, and all of them came from JSON.
  return pdu as unknown as JsonObject;
}
