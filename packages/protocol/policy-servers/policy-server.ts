import { objectField, textField, verifyPdu, type JsonObject, type Pdu } from '../events/index.ts';
import { isServerName, type ServerName } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { signatureBy, withSignature } from '../signatures/index.ts';

/** The id of the key in every `m.room.policy`, whichever key it is; https://spec.matrix.org/v1.19/server-server-api/#validating-policy-server-signatures */
export const policyKeyId = 'ed25519:policy_server';

/** Whom a room asks about events, and by which key its word is known. */
export interface PolicyServer {
  readonly via: ServerName;
  /** Ed25519, in base64. It need not be one: then nothing is signed with it. */
  readonly publicKey: string;
}

/**
 * The policy server that a room's `m.room.policy` names; undefined where the event is missing or not valid, so that the room has none.
 * It counts only while one of the server's users is joined to the room.
 * https://spec.matrix.org/v1.19/server-server-api/#determining-if-a-policy-server-is-enabled-in-a-room
 */
export function readPolicyServer(content: JsonObject | undefined): PolicyServer | undefined {
  if (content === undefined) return undefined;
  const via = textField(content, 'via');
  const publicKey = textField(objectField(content, 'public_keys') ?? {}, 'ed25519');
  // What is no server name has no users.
  return via !== undefined && isServerName(via) && publicKey !== undefined ? { via, publicKey } : undefined;
}

/**
 * Whether a policy server is asked about an event: about all but the one that names it, so that the room can always do without.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixpolicyv1sign
 */
export function isPolicyServerAsked(event: { readonly type: string; readonly stateKey?: string | undefined }): boolean {
  return event.type !== 'm.room.policy' || event.stateKey !== '';
}

/** Whether an event carries a valid signature of the policy server; https://spec.matrix.org/v1.19/server-server-api/#validating-policy-server-signatures */
export function isSignedByPolicyServer(pdu: Pdu, { via, publicKey }: PolicyServer, rules: RoomVersionRules): boolean {
  return verifyPdu(pdu, via, policyKeyId, publicKey, rules);
}

/**
 * The event with the signature that a policy server has answered, beside all that it had; undefined where the answer has none that is
 * valid. https://spec.matrix.org/v1.19/server-server-api/#post_matrixpolicyv1sign
 */
export function withPolicySignature(
  pdu: Pdu,
  server: PolicyServer,
  answer: Readonly<Record<string, Readonly<Record<string, string>>>>,
  rules: RoomVersionRules,
): Pdu | undefined {
  const signature = signatureBy({ signatures: answer }, server.via, policyKeyId);
  if (signature === undefined) return undefined;
  const signed = { ...pdu, signatures: withSignature(pdu.signatures, server.via, policyKeyId, signature) };
  return isSignedByPolicyServer(signed, server, rules) ? signed : undefined;
}
