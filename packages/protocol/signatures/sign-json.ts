import { Buffer } from 'node:buffer';
import { sign, verify } from 'node:crypto';

import { CanonicalJsonError, encodeCanonicalJson, isJsonObject, own, setOwn } from '../canonical-json/index.ts';
import type { CanonicalJsonEncoder } from '../canonical-json/index.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { publicKeyObject } from './signing-key.ts';
import type { SigningKey } from './signing-key.ts';

export type Signatures = Record<string, Record<string, string>>;

/**
 * The text that a signature of this object covers: canonical JSON without `signatures` and `unsigned`. Throws a CanonicalJsonError.
 * @param encode the lenient encoder for events of room versions 1 to 5
 */
export function signableText(object: object, encode: CanonicalJsonEncoder = encodeCanonicalJson): string {
  // `undefined` members are left out by the encoder.
  return encode({ ...object, signatures: undefined, unsigned: undefined });
}

/** An ed25519 signature in unpadded base64 of a text in UTF-8. */
export function signText(text: string, key: SigningKey): string {
  return encodeBase64(sign(null, Buffer.from(text), key.privateKey));
}

/** Whether a signature in base64 is that of the text by the public key in base64; false also where either cannot be decoded. */
export function verifyText(text: string, signature: string, publicKey: string): boolean {
  const key = publicKeyObject(publicKey);
  const bytes = decodeBase64(signature);
  if (!key || bytes?.length !== 64) return false;
  return verify(null, Buffer.from(text), key, bytes);
}

/**
 * A copy of the object with one more signature in `signatures`; those of others and `unsigned` stay. Throws a CanonicalJsonError where
 * the object has no canonical form. https://spec.matrix.org/v1.19/appendices/#signing-details
 * @param entity the server, or the user for cross-signing keys, in whose name the key signs
 */
export function signJson<T extends object>(
  object: T,
  entity: string,
  key: SigningKey,
  encode: CanonicalJsonEncoder = encodeCanonicalJson,
): T & { signatures: Signatures } {
  const signature = signText(signableText(object, encode), key);
  return { ...object, signatures: withSignature(signaturesOf(object), entity, key.keyId, signature) };
}

/** A copy of `signatures` with one more. */
export function withSignature(signatures: Signatures, entity: string, keyId: string, signature: string): Signatures {
  const all: Signatures = { ...signatures };
  const mine: Record<string, string> = { ...(own(signatures, entity) as Record<string, string> | undefined) };
  setOwn(mine, keyId, signature);
  setOwn(all, entity, mine);
  return all;
}

/**
 * Whether the entity signed the object with this key; https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature
 * False where there is no such signature, it cannot be decoded, or the object has no canonical form.
 */
export function verifyJson(
  object: object,
  entity: string,
  keyId: string,
  publicKey: string,
  encode: CanonicalJsonEncoder = encodeCanonicalJson,
): boolean {
  const signature = signatureBy(object, entity, keyId);
  if (signature === undefined) return false;
  try {
    return verifyText(signableText(object, encode), signature, publicKey);
  } catch (error) {
    // Nobody can have signed what has no bytes to sign.
    if (error instanceof CanonicalJsonError) return false;
    throw error;
  }
}

/** The signature in base64 that the object carries of this entity and key, if any. */
export function signatureBy(object: object, entity: string, keyId: string): string | undefined {
  const byEntity = own(signaturesOf(object), entity);
  if (!isJsonObject(byEntity)) return undefined;
  const signature = own(byEntity, keyId);
  return typeof signature === 'string' ? signature : undefined;
}

/** The ids of the keys that the entity signed the object with, of algorithms that we understand. */
export function signingKeyIds(object: object, entity: string): string[] {
  const byEntity = own(signaturesOf(object), entity);
  return isJsonObject(byEntity) ? Object.keys(byEntity).filter((keyId) => keyId.startsWith('ed25519:')) : [];
}

function signaturesOf(object: object): Signatures {
  const signatures = own(object as Record<string, unknown>, 'signatures');
  return isJsonObject(signatures) ? (signatures as Signatures) : {};
}
