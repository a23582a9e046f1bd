import { migration } from '../platform/database/index.ts';

/** What is known of other servers (`remote-servers`): whether they can be reached, and their keys. */
export default migration({
  id: 100,
  name: 'remote servers',
  up: (dialect) => [
    // Times in milliseconds since 1970. failing_since, retry_at: null while the server answers.
    `CREATE TABLE destinations (
      server_name ${dialect.text} PRIMARY KEY,
      last_success_ts ${dialect.integer},
      failing_since ${dialect.integer},
      retry_interval_ms ${dialect.integer} NOT NULL,
      retry_at ${dialect.integer}
    )${dialect.withoutRowid}`,
    `CREATE INDEX destinations_by_retry ON destinations (retry_at) WHERE retry_at IS NOT NULL`,

    // One row a key that a server has ever shown. valid_until_ts: until when it may be believed without asking again, or until when
    // the server used it (retired = 1). answer: the signed object in which it was seen last, for those who ask us as a notary.
    `CREATE TABLE server_keys (
      server_name ${dialect.text} NOT NULL,
      key_id ${dialect.text} NOT NULL,
      public_key ${dialect.text} NOT NULL,
      retired ${dialect.integer} NOT NULL,
      valid_until_ts ${dialect.integer} NOT NULL,
      added_ts ${dialect.integer} NOT NULL,
      answer_valid_until_ts ${dialect.integer} NOT NULL,
      answer ${dialect.text} NOT NULL,
      PRIMARY KEY (server_name, key_id)
    )${dialect.withoutRowid}`,
  ],
});
