import { CanonicalJsonError, isJsonObject, own } from '@myelin/protocol/canonical-json';
import { isServerKeyId, isServerName, type KeyId, type ServerName } from '@myelin/protocol/identifiers';
import { decodeBase64, signableText, signatureBy } from '@myelin/protocol/signatures';

import { type SignatureToVerify, verifySignatures } from './verify-signatures.ts';

/** A key of a server. Times in milliseconds since 1970. */
export interface ServerKey {
  readonly keyId: KeyId;
  /** In base64. */
  readonly publicKey: string;
  /** The server signs with it no more: `validUntil` is when it stopped. Otherwise until when it may be believed. */
  readonly retired: boolean;
  readonly validUntil: number;
}

/** What a server has published and signed. */
export interface PublishedKeys {
  readonly server: ServerName;
  readonly keys: readonly ServerKey[];
  /** As the answer has it, though no more than seven days from when it was fetched. */
  readonly validUntil: number;
  /** The object as it came, as JSON. */
  readonly answer: string;
}

const MAX_KEYS = 64;
const MAX_ANSWER_LENGTH = 64 * 1024;
/** "Servers MUST use the lesser of this field and 7 days into the future" */
const LONGEST_VALIDITY_MS = 7 * 86_400_000;

/**
 * Reads what a server has published of its keys, whoever passed it on; undefined where it is malformed or the server has not signed it
 * with one of the keys in it. https://spec.matrix.org/v1.19/server-server-api/#publishing-keys
 * @param now when it was fetched, in milliseconds since 1970
 */
export async function readPublishedKeys(published: unknown, now: number): Promise<PublishedKeys | undefined> {
  if (!isJsonObject(published)) return undefined;
  const server = own(published, 'server_name');
  const until = own(published, 'valid_until_ts');
  if (typeof server !== 'string' || !isServerName(server) || typeof until !== 'number' || !Number.isSafeInteger(until))
    return undefined;
  const validUntil = Math.min(until, now + LONGEST_VALIDITY_MS);
  const current = keysIn(own(published, 'verify_keys'), () => ({ retired: false, validUntil }));
  const retired = keysIn(own(published, 'old_verify_keys'), (entry) => {
    const expired = own(entry, 'expired_ts');
    // Whatever it says, it is put away now: it proves no request any more, and no event of the future.
    return typeof expired === 'number' && Number.isSafeInteger(expired)
      ? { retired: true, validUntil: Math.min(expired, now) }
      : undefined;
  });
  if (!(await isSignedByOneOf(published, server, current))) return undefined;
  const answer = JSON.stringify(published);
  if (answer.length > MAX_ANSWER_LENGTH) return undefined;
  // A key that stands in both lists is in use.
  const inUse = new Set(current.map(({ keyId }) => keyId));
  return { server, keys: [...current, ...retired.filter(({ keyId }) => !inUse.has(keyId))], validUntil, answer };
}

function keysIn(
  list: unknown,
  validity: (entry: Readonly<Record<string, unknown>>) => { readonly retired: boolean; readonly validUntil: number } | undefined,
): ServerKey[] {
  if (!isJsonObject(list)) return [];
  return Object.entries(list)
    .slice(0, MAX_KEYS)
    .flatMap(([keyId, entry]): ServerKey[] => {
      if (!isServerKeyId(keyId) || !isJsonObject(entry)) return [];
      const publicKey = own(entry, 'key');
      const valid = validity(entry);
      if (typeof publicKey !== 'string' || decodeBase64(publicKey)?.length !== 32 || !valid) return [];
      return [{ keyId, publicKey, ...valid }];
    });
}

/** Whether the object bears a good signature of this entity by one of these keys. */
export async function isSignedByOneOf(
  object: object,
  entity: string,
  keys: readonly Pick<ServerKey, 'keyId' | 'publicKey'>[],
): Promise<boolean> {
  const signatures = keys.flatMap(({ keyId, publicKey }): Omit<SignatureToVerify, 'text'>[] => {
    const signature = signatureBy(object, entity, keyId);
    return signature === undefined ? [] : [{ signature, publicKey }];
  });
  if (signatures.length === 0) return false;
  try {
    const text = signableText(object);
    return (await verifySignatures(signatures.map((signature) => ({ ...signature, text })))).includes(true);
  } catch (error) {
    // Nobody can have signed what has no bytes to sign.
    if (error instanceof CanonicalJsonError) return false;
    throw error;
  }
}
