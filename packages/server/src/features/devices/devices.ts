import type { DeviceId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Database, InteractiveTx, Tx } from '../../platform/database/index.ts';
import type { AccountIdentity } from '../account/index.ts';
import {
  type Device,
  insertDevice,
  readDevice,
  readDeviceIds,
  readDevices,
  removeDevices,
  type Sighting,
  updateDisplayName,
  updateLastSeen,
} from './devices.store.ts';

/** Longer names are refused, as Synapse does: others read them with the keys of the device. */
export const longestName = 100;

/** Devices that are gone. What hangs on them (keys, pushers, messages) goes in the same transaction. */
export interface DeletedDevices {
  readonly user: AccountIdentity;
  readonly deviceIds: readonly DeviceId[];
}

/** The devices of this server's users. */
export interface Devices {
  list(userNid: number): Promise<readonly Device[]>;
  get(userNid: number, deviceId: DeviceId): Promise<Device | undefined>;
  /** The ids of the devices of some users; users without devices are left out. */
  idsOf(userNids: readonly number[]): Promise<ReadonlyMap<number, readonly DeviceId[]>>;
  /** Makes the device if it is not there; one that is there keeps its name. A name that is too long is cut: the client has done nothing wrong. */
  putIn(tx: Tx, device: { readonly userNid: number; readonly deviceId: DeviceId; readonly displayName?: string }): void;
  rename(user: AccountIdentity, deviceId: DeviceId, displayName: string): Promise<void>;
  /** Those that are not there are passed over. */
  delete(user: AccountIdentity, deviceIds: readonly DeviceId[]): Promise<void>;
  /** The same in somebody else's transaction. */
  deleteIn(tx: InteractiveTx, user: AccountIdentity, deviceIds: readonly DeviceId[]): Promise<void>;
  /** All of the user's devices, but for `except`. */
  deleteAllIn(tx: InteractiveTx, user: AccountIdentity, except?: DeviceId): Promise<void>;
  /** Notes from where a device was used, in memory until `writeSightings`. */
  seen(userNid: number, deviceId: DeviceId, sighting: Sighting): void;
  writeSightings(): Promise<void>;
  /** `hook` adds its own writes to those that delete a device; `tx.onCommit` for what is in memory. */
  onDeleted(hook: (tx: Tx, deleted: DeletedDevices) => void): void;
  /** `hook` adds its own writes to those that rename a device: others may know it by its old name. */
  onRenamed(hook: (tx: Tx, user: AccountIdentity, deviceId: DeviceId) => void): void;
}

/** Opens the devices. */
export function openDevices({ database, clock }: { readonly database: Database; readonly clock: Clock }): Devices {
  const deletionHooks: ((tx: Tx, deleted: DeletedDevices) => void)[] = [];
  const renamingHooks: ((tx: Tx, user: AccountIdentity, deviceId: DeviceId) => void)[] = [];
  const sightings = new Map<string, { readonly userNid: number; readonly deviceId: DeviceId; readonly sighting: Sighting }>();
  const keyOf = (userNid: number, deviceId: DeviceId): string => `${userNid} ${deviceId}`;

  const withSighting = (userNid: number, device: Device): Device => {
    const unwritten = sightings.get(keyOf(userNid, device.deviceId));
    return unwritten ? { ...device, lastSeen: unwritten.sighting } : device;
  };
  const tellDeleted = (tx: Tx, user: AccountIdentity, deviceIds: readonly DeviceId[]): void => {
    if (deviceIds.length === 0) return;
    for (const hook of deletionHooks) hook(tx, { user, deviceIds });
  };
  const deleteIn = async (tx: InteractiveTx, user: AccountIdentity, deviceIds: readonly DeviceId[]): Promise<void> =>
    tellDeleted(tx, user, await removeDevices(tx, user.userNid, deviceIds));

  return {
    async list(userNid) {
      return (await readDevices(database, userNid)).map((device) => withSighting(userNid, device));
    },
    async get(userNid, deviceId) {
      const device = await readDevice(database, userNid, deviceId);
      return device && withSighting(userNid, device);
    },
    idsOf: (userNids) => readDeviceIds(database, userNids),
    putIn(tx, { displayName, ...device }) {
      const name = displayName?.slice(0, longestName).toWellFormed();
      insertDevice(tx, { ...device, ...(name !== undefined && { displayName: name }), ts: clock.now() });
    },
    rename: (user, deviceId, displayName) =>
      database.write((tx) => {
        updateDisplayName(tx, user.userNid, deviceId, displayName);
        for (const hook of renamingHooks) hook(tx, user, deviceId);
      }),
    delete: (user, deviceIds) => database.transaction((tx) => deleteIn(tx, user, deviceIds)),
    deleteIn,
    async deleteAllIn(tx, user, except) {
      if (except === undefined) return tellDeleted(tx, user, await removeDevices(tx, user.userNid, 'all'));
      const others = (await readDevices(tx, user.userNid)).map(({ deviceId }) => deviceId).filter((id) => id !== except);
      tellDeleted(tx, user, await removeDevices(tx, user.userNid, others));
    },
    seen: (userNid, deviceId, sighting) => void sightings.set(keyOf(userNid, deviceId), { userNid, deviceId, sighting }),
    async writeSightings() {
      if (sightings.size === 0) return;
      const toWrite = [...sightings];
      await database.write((tx) => {
        for (const { userNid, deviceId, sighting } of toWrite.map(([, seen]) => seen))
          updateLastSeen(tx, userNid, deviceId, sighting);
      });
      // Until they are written they are known from memory, also where the write fails.
      for (const [key, seen] of toWrite) if (sightings.get(key) === seen) sightings.delete(key);
    },
    onDeleted: (hook) => void deletionHooks.push(hook),
    onRenamed: (hook) => void renamingHooks.push(hook),
  };
}
