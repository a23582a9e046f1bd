import { migration } from '../platform/database/index.ts';

/** Changes of our users' devices that other servers have not taken yet (`device-lists`). */
export default migration({
  id: 156,
  name: 'device list outbox',
  up: (dialect) => [
    // The latest change of each device, or of the cross-signing keys (no device_id), for each server. What stands there is told as it is when
    // the server is told. prev is what the server has of the user's list before the first change that this row stands for.
    `CREATE TABLE device_list_outbox (
      destination_nid ${dialect.integer} NOT NULL,
      user_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      kind ${dialect.integer} NOT NULL,
      stream_id ${dialect.integer} NOT NULL,
      prev ${dialect.integer} NOT NULL,
      PRIMARY KEY (destination_nid, user_nid, device_id)
    )${dialect.withoutRowid}`,
    `CREATE INDEX device_list_outbox_in_order ON device_list_outbox (destination_nid, stream_id)`,
  ],
});
