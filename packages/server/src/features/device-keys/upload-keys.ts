import type { DeviceKeysValue, KeyObjectValue } from '@myelin/protocol/api/client';
import { invalidParam, notFound } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { DeviceId } from '@myelin/protocol/identifiers';
import { signatureBy, type Signatures, verifyJson } from '@myelin/protocol/signatures';

import type { Database, InteractiveTx } from '../../platform/database/index.ts';
import { keyIdInUse } from './cross-signing/check-cross-signing.ts';
import { type CrossSigningKey, readCrossSigningKeys } from './cross-signing/cross-signing.store.ts';
import type { KeyOwner, KeysChangeHooks } from './device-keys.ts';
import { checkedDeviceKeys, fingerprintOf, parsedKeys, signaturesIn, statementOf } from './identity/check-device-keys.ts';
import { isDeviceOf, putDeviceKeys, readKeysOfDevice } from './identity/device-keys.store.ts';
import { checkedFallbackKeys, checkedKeys, checkSignatures } from './one-time-keys/check-keys.ts';
import type { KeyCounts, OneTimeKeys } from './one-time-keys/one-time-keys.ts';

/** What a device publishes at a time; what is absent stays as it is. */
export interface KeyUpload {
  readonly deviceKeys?: DeviceKeysValue | undefined;
  /** By `<algorithm>:<key_id>`. */
  readonly oneTimeKeys?: Readonly<Record<string, KeyObjectValue>> | undefined;
  readonly fallbackKeys?: Readonly<Record<string, KeyObjectValue>> | undefined;
}

export interface UploadNeeds {
  readonly database: Database;
  readonly oneTimeKeys: OneTimeKeys;
  readonly hooks: KeysChangeHooks;
}

/**
 * Publishes keys of a device and gives the number of one-time keys left of each algorithm. All or nothing; doing it again does no harm.
 * Throws M_INVALID_PARAM, M_BAD_JSON, M_INVALID_SIGNATURE, M_TOO_LARGE; M_NOT_FOUND where the device is gone.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload
 */
export async function uploadKeys(
  needs: UploadNeeds,
  user: KeyOwner,
  deviceId: DeviceId,
  upload: KeyUpload,
): Promise<KeyCounts['left']> {
  const publishIn = await prepareUpload(needs, user, deviceId, upload);
  if (publishIn) await needs.database.transaction(publishIn);
  return (await needs.oneTimeKeys.countsOf(user.userNid, deviceId)).left;
}

/** Checks keys and gives what publishes them, in a transaction in which the device is there; undefined where there is nothing to do. */
export async function prepareUpload(
  needs: UploadNeeds,
  user: KeyOwner,
  deviceId: DeviceId,
  upload: KeyUpload,
): Promise<((tx: InteractiveTx) => Promise<void>) | undefined> {
  const fresh = upload.deviceKeys && checkedDeviceKeys(upload.deviceKeys, { userId: user.userId, deviceId });
  const oneTime = checkedKeys(upload.oneTimeKeys ?? {});
  const fallback = checkedFallbackKeys(upload.fallbackKeys ?? {});
  const stocks = oneTime.length > 0 || fallback.length > 0;
  if (!fresh && !stocks) return undefined;
  const fingerprint = await fingerprintFor(needs, user, deviceId, fresh);
  if (fingerprint !== undefined) {
    const signed = { userId: user.userId, deviceId, fingerprint };
    await checkSignatures(upload.oneTimeKeys ?? {}, signed);
    await checkSignatures(upload.fallbackKeys ?? {}, signed);
  }
  return async (tx) => {
    if (!(await isDeviceOf(tx, user.userNid, deviceId))) throw notFound('The device was deleted');
    if (fresh) {
      const crossSigning = await readCrossSigningKeys(tx, [user.userNid]);
      // Nobody could tell its signatures from those of that key.
      if (crossSigning.some(({ publicKey }) => publicKey === deviceId)) throw keyIdInUse();
      const signatures = vouchedFor(user, fresh, upload, crossSigning);
      await putKeys(tx, needs.hooks, user, deviceId, { ...fresh, signatures });
    }
    if (stocks) await needs.oneTimeKeys.addIn(tx, { userNid: user.userNid, deviceId }, { oneTime, fallback });
  };
}

/** The key that signs the device's other keys; undefined while it has published none. */
async function fingerprintFor(
  { database }: UploadNeeds,
  { userNid }: KeyOwner,
  deviceId: DeviceId,
  fresh: JsonObject | undefined,
): Promise<string | undefined> {
  if (fresh) return fingerprintOf(fresh, deviceId);
  const known = await readKeysOfDevice(database, userNid, deviceId);
  return known === undefined ? undefined : fingerprintOf(parsedKeys(known), deviceId);
}

async function putKeys(
  tx: InteractiveTx,
  hooks: KeysChangeHooks,
  user: KeyOwner,
  deviceId: DeviceId,
  fresh: JsonObject,
): Promise<void> {
  const { userNid } = user;
  const text = await readKeysOfDevice(tx, userNid, deviceId);
  const known = text === undefined ? undefined : parsedKeys(text);
  if (known && !hasSameIdentity(known, fresh)) {
    // Whoever holds a stolen token would pass for a device that others have verified.
    throw invalidParam('This device has published other identity keys before. Log in anew to use new ones.');
  }
  const isSame = known !== undefined && statementOf(known) === statementOf(fresh);
  const before = known && isSame ? signaturesIn(known) : {};
  const own = { ...before[user.userId], ...signaturesIn(fresh)[user.userId] };
  if (isSame && Object.keys(own).every((keyId) => before[user.userId]?.[keyId] === own[keyId])) return;

  const keys = { ...fresh, signatures: { ...before, [user.userId]: own } };
  putDeviceKeys(tx, { userNid, deviceId, keys: JSON.stringify(keys) });
  hooks.tell(tx, { user, deviceIds: [deviceId], crossSigning: false });
}

/** The signatures on keys that are kept: the device's own, and the one of the user's self-signing key where the upload brings it. */
function vouchedFor(
  { userId }: KeyOwner,
  fresh: JsonObject,
  { deviceKeys }: KeyUpload,
  crossSigning: readonly CrossSigningKey[],
): Signatures {
  const signatures = signaturesIn(fresh);
  const selfSigning = crossSigning.find(({ usage }) => usage === 'self_signing');
  if (!deviceKeys || !selfSigning) return signatures;
  const keyId = `ed25519:${selfSigning.publicKey}`;
  const signature = signatureBy(deviceKeys, userId, keyId);
  if (signature === undefined || !verifyJson(deviceKeys, userId, keyId, selfSigning.publicKey)) return signatures;
  return { ...signatures, [userId]: { ...signatures[userId], [keyId]: signature } };
}

function hasSameIdentity(one: JsonObject, other: JsonObject): boolean {
  return statementOf({ keys: one['keys'] ?? null }) === statementOf({ keys: other['keys'] ?? null });
}
