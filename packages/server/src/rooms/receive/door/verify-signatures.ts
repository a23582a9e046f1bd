import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import { pduSignableText, verifyContentHash } from '@myelin/protocol/events';
import { domainOf, isUserId, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { SignatureQuestion, SignatureVerifier } from '../remote-events.ts';
import type { FormedPdu } from './check-format.ts';

export type SignatureVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string; readonly temporary: boolean };

/**
 * Check 2: "Passes signature checks, otherwise it is dropped." One verdict for each event, in order; all of them are asked about at once.
 * https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export async function verifySignatures(
  pdus: readonly FormedPdu[],
  rules: RoomVersionRules,
  verifier: SignatureVerifier,
): Promise<SignatureVerdict[]> {
  const verdicts: SignatureVerdict[] = pdus.map(() => ({ ok: true }));
  const asked: number[] = [];
  const questions: SignatureQuestion[] = [];
  for (const [index, { pdu, event, signable }] of pdus.entries()) {
    const text = signable ?? pduSignableText(pdu, rules);
    for (const server of signersOf({ pdu, event }, rules)) {
      const signatures = own(pdu.signatures, server);
      if (!isJsonObject(signatures) || Object.keys(signatures).length === 0) {
        verdicts[index] = { ok: false, reason: `${server} has not signed the event`, temporary: false };
        continue;
      }
      asked.push(index);
      questions.push({
        server,
        text,
        signatures: signatures as Record<string, string>,
        validAt: rules.enforceKeyValidity ? event.originServerTs : undefined,
      });
    }
  }
  const answers = questions.length === 0 ? [] : await verifier.verify(questions);
  for (const [at, index] of asked.entries()) {
    const answer = answers[at];
    if (!answer) throw new Error('the verifier left a question unanswered');
    const verdict = verdicts[index];
    // What is wrong for good stands above what may be right later.
    if (!answer.valid && (verdict?.ok || verdict?.temporary)) {
      verdicts[index] = { ok: false, reason: answer.reason, temporary: answer.temporary };
    }
  }
  return verdicts;
}

/** The servers that must have signed an event. Throws a CanonicalJsonError. */
export function signersOf({ pdu, event }: Pick<FormedPdu, 'pdu' | 'event'>, rules: RoomVersionRules): Set<ServerName> {
  const signers = new Set<ServerName>();
  const isMember = event.type === 'm.room.member' && event.stateKey !== undefined;
  const membership = isMember ? own(event.content, 'membership') : undefined;
  // An event that takes up a third-party invitation is sent in the name of the inviter by another server: the identity server's
  // signature, which the authorisation rules check, stands for theirs. Where the event will be redacted for its wrong hash, and nothing of
  // that signature be left, the rules would see the inviter's own invite: that one they must have signed.
  const isThirdPartyInvite =
    membership === 'invite' &&
    isJsonObject(own(event.content, 'third_party_invite')) &&
    (rules.updatedRedaction || verifyContentHash(pdu, rules));
  if (!isThirdPartyInvite) signers.add(domainOf(event.sender));
  // Room versions 1 and 2: the server that named the event.
  if (rules.eventIds === 'assigned') {
    const namer = domainOf(event.eventId as unknown as UserId) as ServerName | undefined;
    if (namer !== undefined) signers.add(namer);
  }
  const authoriser = own(event.content, 'join_authorised_via_users_server');
  if (rules.restrictedJoins && isMember && typeof authoriser === 'string' && isUserId(authoriser)) {
    signers.add(domainOf(authoriser));
  }
  return signers;
}
