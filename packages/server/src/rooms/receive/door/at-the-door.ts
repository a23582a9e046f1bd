import { CanonicalJsonError } from '@myelin/protocol/canonical-json';
import type { FormatOptions, Pdu, RoomEvent } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';

import { mapInSlices } from '../../../platform/let-others-run.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { RawPdu, SignatureVerifier } from '../remote-events.ts';
import { checkFormat, roomEventOf, type FormatOutcome, type FormedPdu } from './check-format.ts';
import { redactIfHashIsWrong } from './check-hash.ts';
import { verifySignatures } from './verify-signatures.ts';

/** An event that has passed the checks which need no history; redacted where its content hash was wrong. */
export interface CheckedPdu {
  readonly eventId: EventId;
  readonly pdu: Pdu;
}

/** A checked event with the form in which the rules read it. */
export interface CheckedEvent extends CheckedPdu {
  readonly event: RoomEvent;
}

/** What the door says of an event. `temporary`: it may pass later, when a key can be had. Without an id nobody can be told of it. */
export type DoorVerdict =
  | ({ readonly ok: true } & CheckedEvent)
  | { readonly ok: false; readonly eventId: EventId | undefined; readonly reason: string; readonly temporary?: boolean };

/** The checks that need no history, in the spec's order: form, signatures, hash. One verdict for each event, in order. */
export async function atTheDoor(
  verifier: SignatureVerifier,
  room: Pick<RoomIdentity, 'roomId' | 'rules'>,
  raw: readonly RawPdu[],
  options?: FormatOptions,
): Promise<DoorVerdict[]> {
  const formed = await mapInSlices(raw, (pdu) => checkFormat(pdu, room, options));
  return atTheDoorFormed(verifier, room, formed);
}

/** The same for events whose form has been looked at. */
export async function atTheDoorFormed(
  verifier: SignatureVerifier,
  room: Pick<RoomIdentity, 'roomId' | 'rules'>,
  formed: readonly FormatOutcome[],
): Promise<DoorVerdict[]> {
  const signed = formed.filter((outcome) => outcome.ok);
  const verdicts = await verifySignatures(signed, room.rules, verifier);
  let next = 0;
  return mapInSlices(formed, (outcome): DoorVerdict => {
    if (!outcome.ok) return outcome;
    const verdict = verdicts[next++];
    if (!verdict) throw new Error('an event was not verified');
    if (!verdict.ok) return { ...verdict, eventId: outcome.eventId };
    return checkedHash(outcome, room);
  });
}

function checkedHash(formed: FormedPdu, { rules }: Pick<RoomIdentity, 'rules'>): DoorVerdict {
  try {
    const { eventId, pdu, event } = redactIfHashIsWrong(formed, rules);
    return { ok: true, eventId, pdu, event };
  } catch (error) {
    if (error instanceof CanonicalJsonError) return { ok: false, eventId: formed.eventId, reason: error.message };
    throw error;
  }
}

/** A checked event that was laid aside meanwhile, as the rules read it. */
export function asCheckedEvent({ eventId, pdu }: CheckedPdu, { rules }: Pick<RoomIdentity, 'rules'>): CheckedEvent {
  return { eventId, pdu, event: roomEventOf(pdu, rules, eventId) };
}
