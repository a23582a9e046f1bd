import { redactPdu, verifyContentHash } from '@myelin/protocol/events';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { roomEventOf, type FormedPdu } from './check-format.ts';

/**
 * Check 3: "Passes hash checks, otherwise it is redacted before being processed further." A wrong hash is what the redacted copy of an
 * event has, and that copy is as good as the event for everything but its reader.
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function redactIfHashIsWrong(formed: FormedPdu, rules: RoomVersionRules): FormedPdu {
  if (verifyContentHash(formed.pdu, rules)) return formed;
  const pdu = redactPdu(formed.pdu, rules);
  return { eventId: formed.eventId, pdu, event: roomEventOf(pdu, rules, formed.eventId) };
}
