import type { KeyId, ServerName } from '@myelin/protocol/identifiers';
import { signJson, type SigningKey } from '@myelin/protocol/signatures';

import type { Clock } from '../../platform/clock.ts';
import type { ServerKey } from './server-keys.ts';

export interface OwnKeysNeeds {
  readonly serverName: ServerName;
  /** The first signs events and requests; all of them are in use. */
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]];
  /** `old_signing_keys`. */
  readonly oldSigningKeys: Readonly<Record<string, { readonly key: string; readonly expired_ts: number }>>;
  /** `key_refresh_interval`: how long others may keep the answer, in milliseconds. */
  readonly validForMs: number;
  readonly clock: Clock;
}

/** A server's keys as it publishes them. */
export interface PublishedObject {
  readonly server_name: ServerName;
  readonly verify_keys: Record<string, { key: string }>;
  readonly old_verify_keys: Record<string, { key: string; expired_ts: number }>;
  readonly signatures: Record<string, Record<string, string>>;
  readonly valid_until_ts: number;
}

/** This server's own keys. */
export interface OwnKeys {
  readonly serverName: ServerName;
  readonly signingKey: SigningKey;
  /** For verifying what this server has signed itself; those in use are valid for ever. */
  readonly keys: readonly ServerKey[];
  /** What others are told, signed with each key in use. https://spec.matrix.org/v1.19/server-server-api/#publishing-keys */
  published(): PublishedObject;
}

/** "Originating servers should avoid returning responses that expire in less than an hour" */
const LEAST_VALIDITY_MS = 3_600_000;
/** The answer is made anew after so long: signing at each request would let strangers spend our time. */
const ANSWER_HOLDS_MS = 60_000;

export function createOwnKeys({ serverName, signingKeys, oldSigningKeys, validForMs, clock }: OwnKeysNeeds): OwnKeys {
  let made: { readonly object: PublishedObject; readonly at: number } | undefined;
  const publish = (): PublishedObject => {
    const unsigned = {
      server_name: serverName,
      verify_keys: Object.fromEntries(signingKeys.map(({ keyId, publicKey }) => [keyId, { key: publicKey }])),
      old_verify_keys: Object.fromEntries(
        Object.entries(oldSigningKeys).map(([keyId, { key, expired_ts }]) => [keyId, { key: unpadded(key), expired_ts }]),
      ),
      signatures: {},
      valid_until_ts: clock.now() + Math.max(validForMs, LEAST_VALIDITY_MS),
    };
    return signingKeys.reduce<PublishedObject>((object, key) => signJson(object, serverName, key), unsigned);
  };
  return {
    serverName,
    signingKey: signingKeys[0],
    keys: [
      ...signingKeys.map(({ keyId, publicKey }) => ({ keyId, publicKey, retired: false, validUntil: Number.MAX_SAFE_INTEGER })),
      ...Object.entries(oldSigningKeys).map(([keyId, { key, expired_ts }]) => ({
        keyId: keyId as KeyId,
        publicKey: unpadded(key),
        retired: true,
        validUntil: expired_ts,
      })),
    ],
    published() {
      if (!made || clock.monotonic() - made.at >= ANSWER_HOLDS_MS) made = { object: publish(), at: clock.monotonic() };
      return made.object;
    },
  };
}

function unpadded(base64: string): string {
  return base64.replace(/=+$/, '');
}
