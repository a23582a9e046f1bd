import type { UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Job } from '../feature.ts';
import { forgetAddresses, readStaleDevices } from './devices.store.ts';
import type { Devices } from './devices.ts';

export interface DeviceJobsNeeds {
  readonly config: Pick<Config, 'delete_stale_devices_after' | 'user_ips_max_age'>;
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly devices: Devices;
}

const dayMs = 24 * 3600 * 1000;
const devicesAtOnce = 500;

/** What keeps the list of devices short and silent about the past. */
export function deviceJobs(needs: DeviceJobsNeeds): Job[] {
  const { config, database, clock, devices } = needs;
  const staleAfter = config.delete_stale_devices_after;
  const addressesFor = config.user_ips_max_age;
  return [
    { name: 'note when devices were last seen', everyMs: 60_000, run: () => devices.writeSightings() },
    ...(addressesFor === null
      ? []
      : [
          {
            name: 'forget from where devices were used',
            everyMs: dayMs,
            run: () => database.write((tx) => forgetAddresses(tx, clock.now() - addressesFor)),
          },
        ]),
    ...(staleAfter === null
      ? []
      : [{ name: 'log stale devices out', everyMs: dayMs, run: () => deleteStale(needs, clock.now() - staleAfter) }]),
  ];
}

async function deleteStale({ database, names, devices }: DeviceJobsNeeds, beforeTs: number): Promise<void> {
  // A device that is in use may not have been written down as such yet.
  await devices.writeSightings();
  for (;;) {
    const stale = await readStaleDevices(database, beforeTs, devicesAtOnce);
    for (const [userNid, ofUser] of Map.groupBy(stale, (device) => device.userNid)) {
      const userId = (await names.textOf(userNid)) as UserId;
      const deviceIds = ofUser.map(({ deviceId }) => deviceId);
      await devices.delete({ userNid, userId }, deviceIds);
    }
    if (stale.length < devicesAtOnce) return;
  }
}
