import { migration } from '../platform/database/index.ts';

/** Redacted events whose content still lies in the database (`features/room-messages`). */
export default migration({
  id: 50,
  name: 'redacted-contents',
  up: (dialect) => [
    // redacted_ts: milliseconds since 1970, by this server's clock.
    `CREATE TABLE redacted_contents (
      event_nid ${dialect.bigKey},
      redacted_ts ${dialect.integer} NOT NULL
    )`,
    `CREATE INDEX redacted_contents_by_age ON redacted_contents (redacted_ts)`,
  ],
});
