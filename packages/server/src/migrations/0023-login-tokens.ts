import { migration } from '../platform/database/index.ts';

/** Tokens with which another device of a user logs in once; known by their SHA-256. */
export default migration({
  id: 23,
  name: 'login-tokens',
  up: (dialect) => [
    `CREATE TABLE login_tokens (
      token_hash ${dialect.blob} NOT NULL PRIMARY KEY,
      user_nid ${dialect.integer} NOT NULL,
      expires_ts ${dialect.integer} NOT NULL
    )${dialect.withoutRowid}`,
    `CREATE INDEX login_tokens_by_expiry ON login_tokens (expires_ts)`,
  ],
});
