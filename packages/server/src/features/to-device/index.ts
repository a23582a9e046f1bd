import type { Feature } from '../feature.ts';
import { receiveDirectToDevice, toDeviceOutbox } from './to-device.federation.ts';
import { toDeviceJobs } from './to-device.jobs.ts';
import { toDeviceRoutes } from './to-device.routes.ts';
import { toDeviceSyncSource } from './to-device.sync.ts';
import { ToDevice, type ToDeviceNeeds } from './to-device.ts';

export { everyDevice } from './to-device.ts';
export type { DeviceMessages, ToDevice, ToDeviceNeeds } from './to-device.ts';
export type { WaitingMessage } from './to-device.store.ts';

/** Messages to single devices; https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging */
export async function toDeviceFeature(needs: ToDeviceNeeds): Promise<Feature & { readonly toDevice: ToDevice }> {
  const toDevice = await ToDevice.open(needs);
  return {
    name: 'to-device',
    routes: toDeviceRoutes(toDevice),
    sync: [toDeviceSyncSource(needs, toDevice)],
    jobs: toDeviceJobs(needs),
    edus: { 'm.direct_to_device': receiveDirectToDevice(needs, toDevice) },
    durableEdus: toDeviceOutbox(needs),
    toDevice,
  };
}
