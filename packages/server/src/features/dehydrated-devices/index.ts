import type { Config } from '../../config/index.ts';
import type { Feature } from '../feature.ts';
import { dehydratedDeviceRoutes } from './dehydrated-devices.routes.ts';
import { DehydratedDevices, type DehydratedDevicesNeeds } from './dehydrated-devices.ts';

/** Devices that receive keys while nobody is logged in; there is no such endpoint where `msc3814_enabled` is off. */
export function dehydratedDevicesFeature(
  needs: DehydratedDevicesNeeds & { readonly config: Pick<Config, 'experimental_features'> },
): Feature {
  const dehydrated = new DehydratedDevices(needs);
  const isEnabled = needs.config.experimental_features.msc3814_enabled;
  return { name: 'dehydrated-devices', routes: isEnabled ? dehydratedDeviceRoutes(dehydrated) : [] };
}
