import { migration } from '../platform/database/index.ts';

/** Filters that clients stored; numbered for each user, each text once. */
export default migration({
  id: 60,
  name: 'filters',
  up: (dialect) => [
    `CREATE TABLE filters (
      user_nid ${dialect.integer} NOT NULL,
      filter_id ${dialect.integer} NOT NULL,
      filter ${dialect.text} NOT NULL,
      PRIMARY KEY (user_nid, filter_id)
    )${dialect.withoutRowid}`,
  ],
});
