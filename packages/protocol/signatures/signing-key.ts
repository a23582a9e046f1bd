import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, hash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import type { KeyId } from '../identifiers/index.ts';
import { decodeBase64, decodeUrlSafeBase64, encodeBase64 } from './base64.ts';

/** An ed25519 key that a server signs with. */
export interface SigningKey {
  /** `ed25519:` and the version. */
  readonly keyId: KeyId;
  /** The part of the key id after the colon, such as `a_abcd`. */
  readonly version: string;
  /** The 32 bytes that everything else follows from. Secret. */
  readonly seed: Uint8Array;
  /** The public half in unpadded base64, as servers publish it. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

/** A signing key file that cannot be read; the message names the line, never the secret. */
export class SigningKeyError extends Error {
  override readonly name = 'SigningKeyError';
}

/** DER of a PKCS #8 ed25519 key up to the seed (RFC 8410). */
const privateKeyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
/** DER of a SubjectPublicKeyInfo of ed25519 up to the key (RFC 8410). */
const publicKeyPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const keyBytes = 32;

/**
 * The signing key that follows from 32 random bytes. The version, unless given, follows from the public key, so that two different keys
 * of one server do not share a key id. Throws a SigningKeyError for a wrong length or version.
 */
export function generateSigningKey(seed: Uint8Array, version?: string): SigningKey {
  if (seed.byteLength !== keyBytes) throw new SigningKeyError(`A signing key has ${keyBytes} bytes, not ${seed.byteLength}`);
  const privateKey = createPrivateKey({ key: Buffer.concat([privateKeyPrefix, seed]), format: 'der', type: 'pkcs8' });
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = encodeBase64(der.subarray(publicKeyPrefix.length));
  const named = version ?? `a_${hash('sha256', publicKey, 'hex').slice(0, 6)}`;
  if (!/^[A-Za-z0-9_]+$/.test(named))
    throw new SigningKeyError('The version of a signing key consists of letters, digits and "_"');
  return { keyId: `ed25519:${named}`, version: named, seed: Uint8Array.from(seed), publicKey, privateKey };
}

/**
 * Reads a `signing.key` file as Synapse writes it: one key a line, `ed25519 <version> <seed in unpadded base64>`. The first is the one to
 * sign with. Throws a SigningKeyError where a line is not such a key or there is none.
 */
export function decodeSigningKeys(text: string): [SigningKey, ...SigningKey[]] {
  const keys: SigningKey[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    keys.push(decodeSigningKey(line, `line ${at + 1}`));
  }
  const [first, ...others] = keys;
  if (!first) throw new SigningKeyError('There is no signing key in the file');
  return [first, ...others];
}

/** Reads one line of a `signing.key` file; `where` names it in errors. Throws a SigningKeyError. */
export function decodeSigningKey(line: string, where = 'the line'): SigningKey {
  const [algorithm, version, secret, ...rest] = line.trim().split(/\s+/);
  if (algorithm !== 'ed25519' || version === undefined || secret === undefined || rest.length > 0) {
    throw new SigningKeyError(`Expected "ed25519 <version> <base64>" in ${where} of the signing key file`);
  }
  const seed = decodeBase64(secret);
  if (seed?.length !== keyBytes) {
    throw new SigningKeyError(`Expected ${keyBytes} bytes in base64 as the third word in ${where} of the signing key file`);
  }
  return generateSigningKey(seed, version);
}

/** One line of a `signing.key` file, with the line's end. */
export function encodeSigningKey(key: SigningKey): string {
  return `ed25519 ${key.version} ${encodeBase64(key.seed)}\n`;
}

const knownPublicKeys = new Map<string, KeyObject>();
const maxKnownPublicKeys = 4096;

/** The key object of a public key in base64 of either alphabet, or undefined where it is none. Made once per key; the oldest are forgotten. */
export function publicKeyObject(publicKey: string): KeyObject | undefined {
  const known = knownPublicKeys.get(publicKey);
  if (known) return known;
  const raw = decodeBase64(publicKey) ?? decodeUrlSafeBase64(publicKey);
  if (raw?.length !== keyBytes) return undefined;
  const made = createPublicKey({ key: Buffer.concat([publicKeyPrefix, raw]), format: 'der', type: 'spki' });
  if (knownPublicKeys.size >= maxKnownPublicKeys) {
    const [oldest] = knownPublicKeys.keys();
    if (oldest !== undefined) knownPublicKeys.delete(oldest);
  }
  knownPublicKeys.set(publicKey, made);
  return made;
}
