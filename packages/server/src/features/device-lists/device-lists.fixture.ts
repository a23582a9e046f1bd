import type { ServerName } from '@myelin/protocol/identifiers';

import { systemClock } from '../../platform/clock.ts';
import { createSeededRandom } from '../../platform/random.ts';
import type { PublishedDevice } from '../device-keys/index.ts';
import type { Hive } from '../hive.fixture.ts';
import { deviceListsFeature, type DeviceListsFeature } from './index.ts';

/** The feature alone, among servers that are in every room, with the keys that are given. */
export function openDeviceLists(
  hive: Hive,
  world: {
    readonly servers?: readonly ServerName[];
    readonly keys?: ReadonlyMap<number, readonly PublishedDevice[]>;
    /** When this life begins, in milliseconds since 1970; at 0 unless given, so that positions are small. */
    readonly startMs?: number;
  } = {},
): Promise<DeviceListsFeature> {
  return deviceListsFeature({
    ...hive,
    config: { allow_device_name_lookup_over_federation: false },
    clock: { ...systemClock, now: () => world.startMs ?? 0 },
    random: createSeededRandom(3),
    remoteServers: {
      request: () => Promise.reject(new Error('nobody is asked here')),
      keys: { onOtherKey: () => undefined },
      health: { onSignOfLife: () => () => undefined },
    },
    accounts: { exists: async () => true },
    devices: { onDeleted: () => undefined, onRenamed: () => undefined },
    ownKeys: () => ({ devicesOf: async () => world.keys ?? new Map(), crossSigningOf: async () => new Map() }),
    servers: { ofRoom: async () => new Set(world.servers), federatesWith: () => true, wake: async () => undefined },
  });
}
