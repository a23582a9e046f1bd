import { migration } from '../platform/database/index.ts';

/** Who is there (`features/presence`), as last written down: memory runs ahead of it by seconds. */
export default migration({
  id: 33,
  name: 'presence',
  up: (dialect) => [
    // state: 0 offline, 1 unavailable, 2 online. last_active_ts in milliseconds since 1970.
    `CREATE TABLE presence (
      user_nid ${dialect.bigKey},
      position ${dialect.integer} NOT NULL,
      state ${dialect.integer} NOT NULL,
      last_active_ts ${dialect.integer} NOT NULL,
      status_msg ${dialect.text}
    )`,
    `CREATE INDEX presence_by_position ON presence (position)`,
    `CREATE INDEX presence_of_those_there ON presence (user_nid) WHERE state <> 0`,
  ],
});
