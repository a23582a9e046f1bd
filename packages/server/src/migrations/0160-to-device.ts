import { migration } from '../platform/database/index.ts';

/** Messages to single devices, until those have them (`features/to-device`). */
export default migration({
  id: 160,
  name: 'to-device',
  up: (dialect) => [
    // What waits for devices of this server's users. message: the JSON that the client gets.
    `CREATE TABLE to_device_inbox (
      position ${dialect.bigKey},
      user_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      message ${dialect.text} NOT NULL
    )`,
    `CREATE INDEX to_device_inbox_by_device ON to_device_inbox (user_nid, device_id, position)`,

    // One row: positions up to here may have been given out. The inbox is often empty, and cannot tell.
    `CREATE TABLE to_device_positions (
      id ${dialect.bigKey},
      reserved ${dialect.integer} NOT NULL
    )`,

    // What waits for other servers: the content of one m.direct_to_device each, in the order in which they are to go out.
    `CREATE TABLE to_device_outbox (
      id ${dialect.identity},
      server_nid ${dialect.integer} NOT NULL,
      content ${dialect.text} NOT NULL
    )`,
    `CREATE INDEX to_device_outbox_by_server ON to_device_outbox (server_nid, id)`,

    // Messages of other servers that were taken in; one that is sent again is passed over.
    `CREATE TABLE to_device_received (
      origin_nid ${dialect.integer} NOT NULL,
      message_id ${dialect.text} NOT NULL,
      received_ts ${dialect.integer} NOT NULL,
      PRIMARY KEY (origin_nid, message_id)
    )${dialect.withoutRowid}`,
    `CREATE INDEX to_device_received_by_age ON to_device_received (received_ts)`,

    // Requests of our clients that were carried out, by a hash of device, type and transaction id.
    `CREATE TABLE to_device_transactions (
      scope ${dialect.blob} NOT NULL PRIMARY KEY,
      sent_ts ${dialect.integer} NOT NULL
    )${dialect.withoutRowid}`,
    `CREATE INDEX to_device_transactions_by_age ON to_device_transactions (sent_ts)`,
  ],
});
