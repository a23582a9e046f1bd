import type { JsonObject } from '@myelin/protocol/events';
import type { DeviceId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../../platform/clock.ts';
import type { Database, InteractiveTx } from '../../../platform/database/index.ts';
import type { KeyOwner, KeysChangeHooks } from '../device-keys.ts';
import { parsedKeys, signaturesIn } from '../identity/check-device-keys.ts';
import { isDeviceOf, putDeviceKeys, readDeviceKeys } from '../identity/device-keys.store.ts';
import {
  type CheckedKey,
  type CrossSigningUpload,
  isSameKey,
  keyIdInUse,
  signedByDevices,
  signedByMaster,
} from './check-cross-signing.ts';
import {
  type KeyUsage,
  putCrossSigningKey,
  readCrossSigningKeys,
  removeCrossSigningKey,
  removeSignaturesAbout,
  removeSignaturesBy,
} from './cross-signing.store.ts';
import { endReplacement, isReplacementAllowed } from './replacement.store.ts';

export interface CrossSigningNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly hooks: KeysChangeHooks;
}

interface KnownKey {
  readonly publicKey: string;
  readonly keys: JsonObject;
}

/**
 * Publishes cross-signing keys. Keys that replace others demand that the user has proved who they are, or that an operator lets them begin
 * anew, which ends with a new master key: otherwise nothing is written, and the answer is false. The first keys, and the same again, demand nothing. With a key goes what it has signed.
 * Throws M_INVALID_SIGNATURE, M_MISSING_PARAM, M_FORBIDDEN.
 */
export function putCrossSigning(
  { database, clock, hooks }: CrossSigningNeeds,
  user: KeyOwner,
  upload: CrossSigningUpload,
  { proved }: { readonly proved: boolean },
): Promise<boolean> {
  return database.transaction(async (tx) => {
    const known = await knownKeys(tx, user.userNid);
    const fresh = [...upload.values()].filter((key) => {
      const before = known.get(key.usage);
      return !before || !isSameKey(before, key);
    });
    const kept = await signedKeys(tx, user, upload, known);
    if (fresh.length === 0) return true;
    if (known.has('master') && !proved && !(await isReplacementAllowed(tx, user.userNid, clock.now()))) return false;
    for (const { usage, publicKey } of fresh) {
      if (await isDeviceOf(tx, user.userNid, publicKey)) throw keyIdInUse();
      putCrossSigningKey(tx, { userNid: user.userNid, usage, publicKey, keys: JSON.stringify(kept.get(usage)) });
    }
    await afterKeys(tx, hooks, user, { fresh, upload, known });
    return true;
  });
}

async function knownKeys(tx: InteractiveTx, userNid: number): Promise<Map<KeyUsage, KnownKey>> {
  const keys = await readCrossSigningKeys(tx, [userNid]);
  return new Map(keys.map(({ usage, publicKey, keys: text }) => [usage, { publicKey, keys: parsedKeys(text) }]));
}

/** Each key that is uploaded with the signatures that are kept, verified. */
async function signedKeys(
  tx: InteractiveTx,
  user: KeyOwner,
  upload: CrossSigningUpload,
  known: ReadonlyMap<KeyUsage, KnownKey>,
): Promise<Map<KeyUsage, JsonObject>> {
  const masterKey = (upload.get('master') ?? known.get('master'))?.publicKey;
  const signed = new Map<KeyUsage, JsonObject>();
  for (const key of upload.values()) {
    if (key.usage !== 'master') signed.set(key.usage, signedByMaster(user.userId, key, masterKey));
    else signed.set('master', signedByDevices(user.userId, key, await devicesById(tx, user.userNid)));
  }
  return signed;
}

/** The identity keys of a user's devices. */
export async function devicesById(tx: InteractiveTx, userNid: number): Promise<Map<string, JsonObject>> {
  const devices = await readDeviceKeys(tx, [userNid]);
  return new Map(devices.map(({ deviceId, keys }) => [deviceId, parsedKeys(keys)]));
}

/** What follows from new keys: others lose their standing, signatures by keys that are gone go too, and others hear of it. */
async function afterKeys(
  tx: InteractiveTx,
  hooks: KeysChangeHooks,
  user: KeyOwner,
  { fresh, upload, known }: { fresh: readonly CheckedKey[]; upload: CrossSigningUpload; known: ReadonlyMap<KeyUsage, KnownKey> },
): Promise<void> {
  const isFresh = (usage: KeyUsage): boolean => fresh.some((key) => key.usage === usage);
  const hasNewMaster = isFresh('master');
  if (hasNewMaster) {
    removeSignaturesAbout(tx, user.userNid);
    endReplacement(tx, user.userNid);
  }
  // What the old master key has signed, and the new one has not, is nobody's.
  for (const usage of ['self_signing', 'user_signing'] as const) {
    if (hasNewMaster && known.has(usage) && !upload.has(usage)) removeCrossSigningKey(tx, user.userNid, usage);
  }
  const ends = (usage: KeyUsage): boolean => known.has(usage) && (isFresh(usage) || (hasNewMaster && !upload.has(usage)));
  if (ends('user_signing')) removeSignaturesBy(tx, user.userNid);
  const unsigned = ends('self_signing') ? await unsignDevices(tx, user, known.get('self_signing')?.publicKey ?? '') : [];
  const isOwnersOnly = fresh.every(({ usage }) => usage === 'user_signing');
  hooks.tell(tx, { user, deviceIds: unsigned, crossSigning: true, ...(isOwnersOnly && { onlyFor: user }) });
}

/** Takes the signatures of a self-signing key from the user's devices, and gives those that had one. */
async function unsignDevices(tx: InteractiveTx, user: KeyOwner, publicKey: string): Promise<DeviceId[]> {
  const changed: DeviceId[] = [];
  for (const { userNid, deviceId, keys } of await readDeviceKeys(tx, [user.userNid])) {
    const device = parsedKeys(keys);
    const { [user.userId]: own = {}, ...others } = signaturesIn(device);
    const { [`ed25519:${publicKey}`]: gone, ...left } = own;
    if (gone === undefined) continue;
    putDeviceKeys(tx, { userNid, deviceId, keys: JSON.stringify({ ...device, signatures: { ...others, [user.userId]: left } }) });
    changed.push(deviceId);
  }
  return changed;
}
