import { migration } from '../platform/database/index.ts';

/** Events that came in while the keys that prove them could not be had: they are tried again (`federation/inbound`). */
export default migration({
  id: 176,
  name: 'unproven-pdus',
  up: (dialect) => [
    `CREATE TABLE unproven_pdus (
      room_nid ${dialect.integer} NOT NULL,
      event_id ${dialect.text} NOT NULL,
      origin_nid ${dialect.integer} NOT NULL,
      server ${dialect.text} NOT NULL,
      pdu ${dialect.text} NOT NULL,
      attempts ${dialect.integer} NOT NULL,
      received_ts ${dialect.integer} NOT NULL,
      retry_ts ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, event_id)
    )${dialect.withoutRowid}`,
    `CREATE INDEX unproven_pdus_by_retry ON unproven_pdus (retry_ts)`,
    `CREATE INDEX unproven_pdus_by_server ON unproven_pdus (server)`,
  ],
});
