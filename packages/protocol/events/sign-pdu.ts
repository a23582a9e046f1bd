import type { ServerName } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { signatureBy, signText, signableText, verifyJson, withSignature } from '../signatures/index.ts';
import type { SigningKey } from '../signatures/index.ts';
import { contentHash, encoderFor } from './hash-pdu.ts';
import type { Pdu } from './pdu.ts';
import { redactPdu } from './redact-pdu.ts';

/** A PDU before its server has hashed and signed it. */
export type UnsignedPdu = Omit<Pdu, 'hashes' | 'signatures'> & Partial<Pick<Pdu, 'hashes' | 'signatures'>>;

/**
 * The event with its content hash and this server's signature over the redacted event. Throws a CanonicalJsonError.
 * https://spec.matrix.org/v1.19/server-server-api/#adding-hashes-and-signatures-to-outgoing-events
 */
export function hashAndSignPdu(unsigned: UnsignedPdu, server: ServerName, key: SigningKey, rules: RoomVersionRules): Pdu {
  const hashed = { ...unsigned, hashes: { sha256: contentHash(unsigned, rules) }, signatures: unsigned.signatures ?? {} } as Pdu;
  return signPdu(hashed, server, key, rules);
}

/** The event with one more signature and its hashes as they are: for invites, restricted joins and knocks that another server made. */
export function signPdu(pdu: Pdu, server: ServerName, key: SigningKey, rules: RoomVersionRules): Pdu {
  const signature = signText(pduSignableText(pdu, rules), key);
  return { ...pdu, signatures: withSignature(pdu.signatures, server, key.keyId, signature) };
}

/** The text that signatures of the event cover, for verifying many of them elsewhere. Throws a CanonicalJsonError. */
export function pduSignableText(pdu: Pdu, rules: RoomVersionRules): string {
  return signableText(redactPdu(pdu, rules), encoderFor(rules));
}

/** Whether the server signed the event with this key; https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events */
export function verifyPdu(pdu: Pdu, server: ServerName, keyId: string, publicKey: string, rules: RoomVersionRules): boolean {
  if (signatureBy(pdu, server, keyId) === undefined) return false;
  return verifyJson(redactPdu(pdu, rules), server, keyId, publicKey, encoderFor(rules));
}
