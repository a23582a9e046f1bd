export { openDevices } from './devices.ts';
export type { DeletedDevices, Devices } from './devices.ts';
export type { Device, Sighting } from './devices.store.ts';
