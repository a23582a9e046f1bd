import { migration } from '../platform/database/index.ts';

/** Rooms that this server has entered and whose members it does not all know yet (`rooms/partial`). */
export default migration({
  id: 170,
  name: 'partial rooms',
  up: (dialect) => [
    // completed_position: where in the events stream the members came; null while they are on their way.
    `CREATE TABLE partial_rooms (
      room_nid ${dialect.integer} PRIMARY KEY,
      join_nid ${dialect.integer} NOT NULL,
      join_position ${dialect.integer} NOT NULL,
      origin_nid ${dialect.integer} NOT NULL,
      completed_position ${dialect.integer}
    )`,
    // Which servers were said to be in such a room; until its members are known.
    `CREATE TABLE partial_room_servers (
      room_nid ${dialect.integer} NOT NULL,
      server_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, server_nid)
    )${dialect.withoutRowid}`,
  ],
});
