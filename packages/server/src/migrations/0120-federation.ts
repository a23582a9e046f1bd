import { migration } from '../platform/database/index.ts';

/** What federation keeps: events that came in and are not understood yet, and how far each other server has been told (`federation`). */
export default migration({
  id: 120,
  name: 'federation',
  up: (dialect) => [
    // Events that passed the checks at the door, until their room has taken them in. ids grow in the order in which they came.
    `CREATE TABLE pdu_inbox (
      id ${dialect.bigKey},
      room_nid ${dialect.integer} NOT NULL,
      origin_nid ${dialect.integer} NOT NULL,
      event_id ${dialect.text} NOT NULL,
      pdu ${dialect.text} NOT NULL,
      attempts ${dialect.integer} NOT NULL,
      received_ts ${dialect.integer} NOT NULL
    )`,
    `CREATE UNIQUE INDEX pdu_inbox_by_event ON pdu_inbox (room_nid, event_id)`,
    `CREATE INDEX pdu_inbox_by_room ON pdu_inbox (room_nid, id)`,

    // Events that no attempt brought into their room, and why.
    `CREATE TABLE abandoned_pdus (
      id ${dialect.identity},
      room_nid ${dialect.integer} NOT NULL,
      origin_nid ${dialect.integer} NOT NULL,
      event_id ${dialect.text} NOT NULL,
      reason ${dialect.text} NOT NULL,
      abandoned_ts ${dialect.integer} NOT NULL
    )`,
    `CREATE INDEX abandoned_pdus_by_age ON abandoned_pdus (abandoned_ts)`,

    // What was answered to which transaction of another server: one that is sent again gets the same answer.
    `CREATE TABLE received_transactions (
      origin_nid ${dialect.integer} NOT NULL,
      txn_id ${dialect.text} NOT NULL,
      answer ${dialect.text} NOT NULL,
      received_ts ${dialect.integer} NOT NULL,
      PRIMARY KEY (origin_nid, txn_id)
    )${dialect.withoutRowid}`,
    `CREATE INDEX received_transactions_by_age ON received_transactions (received_ts)`,

    // One row: up to this position of the events stream every server has been told, or stands in outbound_behind.
    `CREATE TABLE outbound_position (
      id ${dialect.bigKey},
      position ${dialect.integer} NOT NULL
    )${dialect.oftenUpdated}`,

    // Servers that could not be reached: they know all up to this position.
    `CREATE TABLE outbound_behind (
      destination_nid ${dialect.bigKey},
      position ${dialect.integer} NOT NULL
    )${dialect.oftenUpdated}`,

    // For those servers: events that they must hear of and that nothing else would show them later, the latest of each room: a user of
    // theirs was put out of a room, a user of a third server came in through us.
    `CREATE TABLE outbound_owed (
      destination_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      event_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (destination_nid, room_nid)
    )${dialect.withoutRowid}`,

    // Events of other servers' users that this server is to pass on, such as the joins that it has helped with.
    `CREATE TABLE outbound_relays (
      event_nid ${dialect.bigKey},
      origin_nid ${dialect.integer} NOT NULL
    )`,

    // The rooms that a server is in.
    `CREATE INDEX memberships_by_server ON memberships (server_nid, room_nid) WHERE membership = 1`,
  ],
});
