import { migration } from '../platform/database/index.ts';

/** Whose list of devices changed when, and who came to share a room with whom (`device-lists`). */
export default migration({
  id: 155,
  name: 'device-lists',
  up: (dialect) => [
    // Changes as their causes write them, in their own transactions; a position comes in a write after that. Those of our own users stay until
    // every server that is to hear of them has its row in device_list_outbox. kind: 0 device changed, 1 deleted, 2 renamed,
    // 3 cross-signing keys, 4 the list of another server's user. prev is the position of the user's device update before this one.
    // viewer_nid: the one user who sees the difference; 0 for everybody.
    `CREATE TABLE device_list_news (
      news_id ${dialect.identity},
      user_nid ${dialect.integer} NOT NULL,
      viewer_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      kind ${dialect.integer} NOT NULL,
      position ${dialect.integer},
      prev ${dialect.integer}
    )`,

    // The stream: the latest change of each user. update_position is the latest that other servers know as the stream_id of an
    // m.device_list_update; 0 where there was none.
    `CREATE TABLE device_list_changes (
      user_nid ${dialect.bigKey},
      position ${dialect.integer} NOT NULL,
      update_position ${dialect.integer} NOT NULL
    )${dialect.oftenUpdated}`,
    `CREATE INDEX device_list_changes_by_position ON device_list_changes (position)`,

    // Changes that one user alone sees, such as their own signature of another's key.
    `CREATE TABLE device_list_own_changes (
      viewer_nid ${dialect.integer} NOT NULL,
      user_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      PRIMARY KEY (viewer_nid, user_nid)
    )${dialect.withoutRowid}`,
    `CREATE INDEX device_list_own_changes_by_position ON device_list_own_changes (position)`,

    // The latest time that a member of a room came or went, as a position of the events stream; user 0 stands for all members, from the
    // moment on in which the room is encrypted.
    `CREATE TABLE device_list_moves (
      room_nid ${dialect.integer} NOT NULL,
      user_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      joined ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, user_nid)
    )${dialect.withoutRowid}`,
    `CREATE INDEX device_list_moves_by_position ON device_list_moves (room_nid, position)`,
  ],
});
