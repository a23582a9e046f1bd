import { migration } from '../platform/database/index.ts';

/** The devices of other servers' users who share rooms with ours (`device-lists`). */
export default migration({
  id: 157,
  name: 'remote device lists',
  up: (dialect) => [
    // The lists that are followed. stream_id: of the latest m.device_list_update that is in it, -1 where nothing is in it yet.
    // stale: something was missed, or nothing fetched yet; the server is asked at retry_ts. doubtful: a room was left, so that it may be
    // followed no more. master and self_signing are JSON.
    `CREATE TABLE remote_device_lists (
      user_nid ${dialect.bigKey},
      server_nid ${dialect.integer} NOT NULL,
      stream_id ${dialect.integer} NOT NULL,
      stale ${dialect.integer} NOT NULL,
      doubtful ${dialect.integer} NOT NULL,
      attempts ${dialect.integer} NOT NULL,
      retry_ts ${dialect.integer} NOT NULL,
      master ${dialect.text},
      self_signing ${dialect.text}
    )${dialect.oftenUpdated}`,
    `CREATE INDEX remote_device_lists_by_server ON remote_device_lists (server_nid, stale)`,
    `CREATE INDEX remote_device_lists_stale ON remote_device_lists (retry_ts) WHERE stale = 1`,
    `CREATE INDEX remote_device_lists_doubtful ON remote_device_lists (user_nid) WHERE doubtful = 1`,

    // Their devices that have keys, as JSON.
    `CREATE TABLE remote_devices (
      user_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      keys ${dialect.text} NOT NULL,
      display_name ${dialect.text},
      PRIMARY KEY (user_nid, device_id)
    )${dialect.withoutRowid}`,
  ],
});
