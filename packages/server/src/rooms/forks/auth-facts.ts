import type { AuthFacts } from '@myelin/protocol/auth-rules';
import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';
import { signingKeyIds, verifyJson } from '@myelin/protocol/signatures';

/** A signed object of an identity server has one or two signatures; nobody may make us try thousands of pairs. */
const mostAttempts = 100;

/** What the authorisation rules ask about signatures, for events that have passed the door or that this server made. */
export const authFacts: AuthFacts = {
  // The door lets no join pass without the signature of the server that authorised it.
  isSignedBy: () => true,
  verifyThirdPartySigned,
};

function verifyThirdPartySigned(signed: JsonObject, publicKeys: readonly string[]): boolean {
  const signatures = own(signed, 'signatures');
  if (!isJsonObject(signatures)) return false;
  let attempts = 0;
  for (const server of Object.keys(signatures)) {
    for (const keyId of signingKeyIds(signed, server)) {
      for (const publicKey of publicKeys) {
        if (++attempts > mostAttempts) return false;
        if (verifyJson(signed, server, keyId, publicKey)) return true;
      }
    }
  }
  return false;
}
