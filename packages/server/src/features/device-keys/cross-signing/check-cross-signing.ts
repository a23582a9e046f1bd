import type { CrossSigningKeyValue } from '@myelin/protocol/api/client';
import { forbidden, invalidParam, MatrixError, missingParam } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';
import { publicKeyObject, signatureBy, type Signatures, signingKeyIds, verifyJson } from '@myelin/protocol/signatures';

import { canonicalText, fingerprintOf, statementOf } from '../identity/check-device-keys.ts';
import type { KeyUsage } from './cross-signing.store.ts';

/** They travel in an `m.signing_key_update` of 64 KiB, two at a time, with signatures of devices that are added later. */
const largestKey = 8 * 1024;

/** A cross-signing key as it is uploaded, its form checked. */
export interface CheckedKey {
  readonly usage: KeyUsage;
  /** In unpadded base64. */
  readonly publicKey: string;
  readonly uploaded: CrossSigningKeyValue;
}

/** What a user publishes at a time, each key with its form checked, no two of them the same. */
export type CrossSigningUpload = ReadonlyMap<KeyUsage, CheckedKey>;

/**
 * Throws M_INVALID_PARAM, M_BAD_JSON, M_TOO_LARGE.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload
 */
export function checkedUpload(
  userId: UserId,
  keys: Readonly<Record<KeyUsage, CrossSigningKeyValue | null | undefined>>,
): CrossSigningUpload {
  const checked = new Map<KeyUsage, CheckedKey>();
  for (const [usage, uploaded] of Object.entries(keys) as [KeyUsage, CrossSigningKeyValue | null | undefined][]) {
    if (uploaded) checked.set(usage, checkedKey(userId, usage, uploaded));
  }
  if (new Set([...checked.values()].map(({ publicKey }) => publicKey)).size < checked.size) {
    throw invalidParam('Each cross-signing key must be another');
  }
  return checked;
}

function checkedKey(userId: UserId, usage: KeyUsage, uploaded: CrossSigningKeyValue): CheckedKey {
  const name = `${usage}_key`;
  if (uploaded.user_id !== userId) throw invalidParam(`${name}.user_id is another user than the one who uploads`);
  if (!uploaded.usage.includes(usage)) throw invalidParam(`${name}.usage does not name ${usage}`);
  const [only, ...rest] = Object.entries(uploaded.keys);
  if (!only || rest.length > 0) throw invalidParam(`${name}.keys must have one key`);
  const [keyId, publicKey] = only;
  if (keyId !== `ed25519:${publicKey}` || !publicKeyObject(publicKey)) {
    throw invalidParam(`${name}.keys must have an ed25519 key by its own name`);
  }
  canonicalText(uploaded, name, largestKey);
  return { usage, publicKey, uploaded };
}

/**
 * A self-signing or user-signing key as it is kept, with the master key's signature only. Throws M_INVALID_SIGNATURE where that is wrong,
 * M_MISSING_PARAM where there is no master key.
 */
export function signedByMaster(userId: UserId, key: CheckedKey, masterKey: string | undefined): JsonObject {
  if (masterKey === undefined) throw missingParam('master_key');
  const keyId = `ed25519:${masterKey}`;
  const signature = signatureBy(key.uploaded, userId, keyId);
  if (signature === undefined || !verifyJson(key.uploaded, userId, keyId, masterKey)) {
    throw invalidSignature(`${key.usage}_key is not signed by the master key`);
  }
  return withoutUnsigned(key.uploaded, { [userId]: { [keyId]: signature } });
}

/**
 * A master key as it is kept, with the signatures of the user's devices only. Throws M_INVALID_SIGNATURE where one of those is wrong.
 * @param devices the identity keys of the user's devices, by their ids
 */
export function signedByDevices(userId: UserId, key: CheckedKey, devices: ReadonlyMap<string, JsonObject>): JsonObject {
  return withoutUnsigned(key.uploaded, { [userId]: deviceSignatures(userId, key.uploaded, devices) });
}

/** The signatures on an object that devices of its owner made. Throws M_INVALID_SIGNATURE where one is wrong. */
export function deviceSignatures(
  userId: UserId,
  signed: JsonObject,
  devices: ReadonlyMap<string, JsonObject>,
): Record<string, string> {
  const made: Record<string, string> = {};
  for (const keyId of signingKeyIds(signed, userId)) {
    const deviceId = keyId.slice('ed25519:'.length);
    const device = devices.get(deviceId);
    const fingerprint = device && fingerprintOf(device, deviceId);
    const signature = signatureBy(signed, userId, keyId);
    if (fingerprint === undefined || signature === undefined) continue;
    if (!verifyJson(signed, userId, keyId, fingerprint)) throw invalidSignature(`the signature by ${keyId} is wrong`);
    made[keyId] = signature;
  }
  return made;
}

/** Whether two keys are the same key and say the same; who has signed it does not matter. */
export function isSameKey(one: { readonly publicKey: string; readonly keys: JsonObject }, other: CheckedKey): boolean {
  return one.publicKey === other.publicKey && statementOf(one.keys) === statementOf(other.uploaded);
}

export function keyIdInUse(): MatrixError {
  return forbidden('Key ID in use: one of your devices has the id of one of your cross-signing keys');
}

export function invalidSignature(reason: string): MatrixError {
  return new MatrixError('M_INVALID_SIGNATURE', reason);
}

function withoutUnsigned(key: JsonObject, signatures: Signatures): JsonObject {
  const { unsigned: _unsigned, ...kept } = key;
  return { ...kept, signatures };
}
