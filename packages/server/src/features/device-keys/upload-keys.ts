import type { DeviceKeysValue, KeyObjectValue } from '@myelin/protocol/api/client';
import { invalidParam, notFound } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { DeviceId } from '@myelin/protocol/identifiers';

import type { Database, InteractiveTx } from '../../platform/database/index.ts';
import type { KeyOwner, KeysChangeHooks } from './device-keys.ts';
import { checkedDeviceKeys, fingerprintOf, parsedKeys, statementOf } from './identity/check-device-keys.ts';
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
  const { database, oneTimeKeys } = needs;
  const fresh = upload.deviceKeys && checkedDeviceKeys(upload.deviceKeys, { userId: user.userId, deviceId });
  const oneTime = checkedKeys(upload.oneTimeKeys ?? {});
  const fallback = checkedFallbackKeys(upload.fallbackKeys ?? {});
  const fingerprint = await fingerprintFor(needs, user, deviceId, fresh);
  if (fingerprint !== undefined) {
    const signed = { userId: user.userId, deviceId, fingerprint };
    await checkSignatures(upload.oneTimeKeys ?? {}, signed);
    await checkSignatures(upload.fallbackKeys ?? {}, signed);
  }
  if (fresh || oneTime.length > 0 || fallback.length > 0) {
    await database.transaction(async (tx) => {
      if (!(await isDeviceOf(tx, user.userNid, deviceId))) throw notFound('The device was deleted');
      if (fresh) await putKeys(tx, needs.hooks, user, deviceId, fresh);
      if (oneTime.length > 0 || fallback.length > 0) {
        await oneTimeKeys.addIn(tx, { userNid: user.userNid, deviceId }, { oneTime, fallback });
      }
    });
  }
  return (await oneTimeKeys.countsOf(user.userNid, deviceId)).left;
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
  if (known && statementOf(known) === statementOf(fresh)) {
    return;
  }

  putDeviceKeys(tx, { userNid, deviceId, keys: JSON.stringify(fresh) });
  hooks.tell(tx, { user, deviceIds: [deviceId], crossSigning: false });
}

function hasSameIdentity(one: JsonObject, other: JsonObject): boolean {
  return statementOf({ keys: one['keys'] ?? null }) === statementOf({ keys: other['keys'] ?? null });
}
