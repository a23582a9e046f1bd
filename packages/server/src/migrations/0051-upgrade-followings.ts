import { migration } from '../platform/database/index.ts';

/** Users who have joined a room that replaces another, and whose tags and rules have not followed yet (`features/room-creation`). */
export default migration({
  id: 51,
  name: 'upgrade-followings',
  up: (dialect) => [
    `CREATE TABLE upgrade_followings (
      user_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      predecessor ${dialect.text} NOT NULL,
      PRIMARY KEY (user_nid, room_nid)
    )${dialect.withoutRowid}`,
  ],
});
