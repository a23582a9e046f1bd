import type { Feature } from '../feature.ts';
import { deviceJobs, type DeviceJobsNeeds } from './devices.jobs.ts';
import { deviceRoutes, type DeviceRoutesNeeds } from './devices.routes.ts';

export { openDevices } from './devices.ts';
export type { DeletedDevices, Devices } from './devices.ts';
export type { Device, Sighting } from './devices.store.ts';

/** A user's devices: see them, name them, log them out. */
export function devicesFeature(needs: DeviceRoutesNeeds & DeviceJobsNeeds): Feature {
  return {
    name: 'devices',
    routes: deviceRoutes(needs),
    jobs: deviceJobs(needs),
    stop: () => needs.devices.writeSightings(),
  };
}
