import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import { type Pdu, pduSignableText } from '@myelin/protocol/events';
import type { ServerName } from '@myelin/protocol/identifiers';
import { policyKeyId } from '@myelin/protocol/policy-servers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';
import { signableText } from '@myelin/protocol/signatures';

import type { SignatureCheck } from './key-ring.ts';

/**
 * The check that a server has signed an event, by the rules of its room's version about how long keys are valid. The key of a policy
 * server is its room's, not one that the server publishes: nobody is asked for it.
 * https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export function pduSignatureCheck(pdu: Pdu, server: ServerName, rules: RoomVersionRules): SignatureCheck {
  const { [policyKeyId]: _, ...signatures } = signaturesOf(pdu, server);
  return {
    server,
    signatures,
    text: () => pduSignableText(pdu, rules),
    minimumValidUntil: rules.enforceKeyValidity ? pdu.origin_server_ts : 0,
  };
}

/** The check that a server has signed an object with a key that is valid at a time, in milliseconds since 1970. */
export function jsonSignatureCheck(object: object, server: ServerName, minimumValidUntil: number): SignatureCheck {
  return { server, signatures: signaturesOf(object, server), text: () => signableText(object), minimumValidUntil };
}

/** The server's signatures in an object; those that are no text are left out. */
function signaturesOf(object: object, server: ServerName): Record<string, string> {
  const all = own(object as Record<string, unknown>, 'signatures');
  const ours = isJsonObject(all) ? own(all, server) : undefined;
  if (!isJsonObject(ours)) return {};
  return Object.fromEntries(Object.entries(ours).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
