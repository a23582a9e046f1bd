import { migration } from '../platform/database/index.ts';

/** Tokens that let somebody register. */
export default migration({
  id: 22,
  name: 'registration-tokens',
  up: (dialect) => [
    // `pending` counts registrations that have shown the token and are not complete.
    `CREATE TABLE registration_tokens (
      token ${dialect.text} NOT NULL PRIMARY KEY,
      uses_allowed ${dialect.integer},
      pending ${dialect.integer} NOT NULL DEFAULT 0,
      completed ${dialect.integer} NOT NULL DEFAULT 0,
      expiry_ts ${dialect.integer}
    )${dialect.withoutRowid}`,
  ],
});
