import type { DeviceKeysValue } from '@myelin/protocol/api/client';
import { CanonicalJsonError, encodeCanonicalJson, isJsonObject, own, parseJson } from '@myelin/protocol/canonical-json';
import { badJson, invalidParam, MatrixError } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { DeviceId, UserId } from '@myelin/protocol/identifiers';
import { publicKeyObject, signableText, type Signatures, signatureBy, verifyJson } from '@myelin/protocol/signatures';

/** They travel in an `m.device_list_update` of 64 KiB, together with signatures that are added later. */
const largestDeviceKeys = 32 * 1024;

/** What a device's identity keys say, signatures apart. Two that say the same differ in nothing that others act on. */
export function statementOf(keys: object): string {
  return signableText(keys);
}

/** The ed25519 key of a device in base64, from its identity keys. */
export function fingerprintOf(keys: JsonObject, deviceId: string): string | undefined {
  const all = own(keys, 'keys');
  const key = isJsonObject(all) ? own(all, `ed25519:${deviceId}`) : undefined;
  return typeof key === 'string' ? key : undefined;
}

/**
 * The identity keys that a device uploads, as they are kept: without `unsigned`, and with no signatures but the device's own, which is
 * verified. Throws M_BAD_JSON, M_INVALID_PARAM, M_INVALID_SIGNATURE, M_TOO_LARGE.
 * https://spec.matrix.org/v1.19/client-server-api/#uploading-keys
 */
export function checkedDeviceKeys(
  uploaded: DeviceKeysValue,
  device: { readonly userId: UserId; readonly deviceId: DeviceId },
): JsonObject {
  const { userId, deviceId } = device;
  if (uploaded.user_id !== userId) throw badJson('device_keys.user_id is another user than the one who uploads');
  if (uploaded.device_id !== deviceId) throw badJson('device_keys.device_id is another device than the one that uploads');
  for (const name of Object.keys(uploaded.keys)) {
    if (!name.endsWith(`:${deviceId}`)) throw invalidParam(`device_keys.keys: ${name} does not end with the device's id`);
  }
  const keyId = `ed25519:${deviceId}`;
  const fingerprint = fingerprintOf(uploaded, deviceId);
  if (fingerprint === undefined || !publicKeyObject(fingerprint)) {
    throw invalidParam(`device_keys.keys has no ed25519 key of this device`);
  }
  const { unsigned: _unsigned, ...kept } = uploaded;
  const signature = signatureBy(uploaded, userId, keyId);
  canonicalText(kept, 'device_keys', largestDeviceKeys);
  if (signature === undefined || !verifyJson(uploaded, userId, keyId, fingerprint)) {
    throw new MatrixError('M_INVALID_SIGNATURE', 'device_keys is not signed by the ed25519 key in it');
  }
  return { ...kept, signatures: { [userId]: { [keyId]: signature } } };
}

/** The identity keys in a row. */
export function parsedKeys(json: string): JsonObject {
  const value = parseJson(json);
  if (!isJsonObject(value)) throw new TypeError('Keys in the database are no object');
  return value;
}

/** Canonical JSON of something uploaded. Throws M_BAD_JSON where it has none, M_TOO_LARGE. */
export function canonicalText(value: unknown, name: string, largestBytes: number): string {
  try {
    const text = encodeCanonicalJson(value);
    if (Buffer.byteLength(text) > largestBytes) {
      throw new MatrixError('M_TOO_LARGE', `${name} is larger than ${largestBytes} bytes`, { status: 400 });
    }
    return text;
  } catch (error) {
    if (error instanceof CanonicalJsonError) throw badJson(`${name}: ${error.message}`);
    throw error;
  }
}

/** The signatures that an object carries. */
export function signaturesIn(object: JsonObject): Signatures {
  const signatures = own(object, 'signatures');
  return isJsonObject(signatures) ? (signatures as Signatures) : {};
}
