import type { KeyObjectValue } from '@myelin/protocol/api/client';
import { badJson, invalidParam, MatrixError } from '@myelin/protocol/errors';
import type { DeviceId, UserId } from '@myelin/protocol/identifiers';
import { decodeBase64, signableText, signatureBy } from '@myelin/protocol/signatures';

import { type SignatureToVerify, verifySignatures } from '../../../remote-servers/index.ts';
import { canonicalText } from '../identity/check-device-keys.ts';
import { mostKeysOfStock, type UploadedKey } from './one-time-keys.ts';

/** A key is 32 bytes and a signature 64: the rest is room for algorithms to come. */
const largestKey = 4096;
const longestName = 255;
const curveBytes = 32;
/** As many as a device can have: before each is checked and its signature verified. */
const mostKeysAtOnce = mostKeysOfStock;

/** Keys by `<algorithm>:<key_id>`. Throws M_INVALID_PARAM, M_BAD_JSON, M_TOO_LARGE. */
export function checkedKeys(keys: Readonly<Record<string, KeyObjectValue>>): UploadedKey[] {
  const named = Object.entries(keys);
  if (named.length > mostKeysAtOnce) {
    throw new MatrixError('M_TOO_LARGE', `There are at most ${mostKeysAtOnce} keys in an upload`, { status: 400 });
  }
  return named.map(([name, key]) => {
    const colon = name.indexOf(':');
    const [algorithm, keyId] = [name.slice(0, colon), name.slice(colon + 1)];
    if (colon <= 0 || keyId === '' || name.length > longestName || !name.isWellFormed() || name.includes('\0')) {
      throw invalidParam(`${JSON.stringify(name.slice(0, longestName))} is not <algorithm>:<key_id>`);
    }
    if (algorithm === 'signed_curve25519' && (typeof key === 'string' || decodeBase64(key.key)?.length !== curveBytes)) {
      throw badJson(`${name} is not a signed Curve25519 key`);
    }
    return { algorithm, keyId, json: canonicalText(key, name, largestKey) };
  });
}

/** At most one of each algorithm. Throws as `checkedKeys` does. */
export function checkedFallbackKeys(keys: Readonly<Record<string, KeyObjectValue>>): UploadedKey[] {
  const checked = checkedKeys(keys);
  if (new Set(checked.map(({ algorithm }) => algorithm)).size < checked.length) {
    throw invalidParam('There can be at most one fallback key of each algorithm');
  }
  return checked;
}

/**
 * Throws M_INVALID_SIGNATURE unless the device has signed each key of a signed algorithm.
 * @param fingerprint the device's ed25519 key in base64
 */
export async function checkSignatures(
  keys: Readonly<Record<string, KeyObjectValue>>,
  device: { readonly userId: UserId; readonly deviceId: DeviceId; readonly fingerprint: string },
): Promise<void> {
  const { userId, deviceId, fingerprint } = device;
  const named: string[] = [];
  const signed: SignatureToVerify[] = [];
  for (const [name, key] of Object.entries(keys)) {
    if (typeof key === 'string' || !name.startsWith('signed_')) continue;
    const signature = signatureBy(key, userId, `ed25519:${deviceId}`);
    if (signature === undefined) throw notSigned(name);
    named.push(name);
    signed.push({ text: signableText(key), signature, publicKey: fingerprint });
  }
  const verdicts = await verifySignatures(signed);
  const wrong = verdicts.indexOf(false);
  if (wrong >= 0) throw notSigned(named[wrong] ?? '');
}

function notSigned(name: string): MatrixError {
  return new MatrixError('M_INVALID_SIGNATURE', `${name} is not signed by the device's ed25519 key`);
}
