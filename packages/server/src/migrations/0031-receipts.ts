import { migration } from '../platform/database/index.ts';

/** Up to where users have read (`features/receipts`). */
export default migration({
  id: 31,
  name: 'receipts',
  up: (dialect) => [
    // kind: 0 m.read, 1 m.read.private. thread: empty for a receipt of the whole room, else `main` or the event id of the thread's root.
    // event_place is the event's position in the events stream, null where the event is not known here.
    `CREATE TABLE receipts (
      room_nid ${dialect.integer} NOT NULL,
      user_nid ${dialect.integer} NOT NULL,
      kind ${dialect.integer} NOT NULL,
      thread ${dialect.text} NOT NULL,
      event_id ${dialect.text} NOT NULL,
      event_place ${dialect.integer},
      ts ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, user_nid, kind, thread)
    )${dialect.withoutRowid}`,
    `CREATE INDEX receipts_by_room ON receipts (room_nid, position)`,
    `CREATE INDEX receipts_by_position ON receipts (position)`,
    // Private receipts go to one reader, who asks for all of them at once.
    `CREATE INDEX private_receipts_by_user ON receipts (user_nid, position) WHERE kind = 1`,
  ],
});
