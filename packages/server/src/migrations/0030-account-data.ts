import { migration } from '../platform/database/index.ts';

/** What users keep on the server for their clients (`features/account-data`), tags and the fully-read marker among it. */
export default migration({
  id: 30,
  name: 'account-data',
  up: (dialect) => [
    // room_nid is 0 for what belongs to the account as a whole. content is JSON; null stands for what was deleted: followers must hear of it.
    `CREATE TABLE account_data (
      user_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      type_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      content ${dialect.text},
      PRIMARY KEY (user_nid, room_nid, type_nid)
    )`,
    `CREATE INDEX account_data_by_user ON account_data (user_nid, position)`,
    `CREATE INDEX account_data_by_position ON account_data (position)`,
  ],
});
