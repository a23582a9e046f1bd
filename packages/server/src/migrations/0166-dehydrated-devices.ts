import { migration } from '../platform/database/index.ts';

/** Devices that receive while no other of their user's does (`features/dehydrated-devices`); each is one of `devices` too. */
export default migration({
  id: 166,
  name: 'dehydrated-devices',
  up: (dialect) => [
    // device_data is JSON, encrypted for the user's own clients.
    `CREATE TABLE dehydrated_devices (
      user_nid ${dialect.bigKey},
      device_id ${dialect.text} NOT NULL,
      device_data ${dialect.text} NOT NULL
    )`,
  ],
});
