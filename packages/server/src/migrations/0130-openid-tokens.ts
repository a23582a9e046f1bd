import { migration } from '../platform/database/index.ts';

/** Tokens by which others learn who somebody is; known by their SHA-256. */
export default migration({
  id: 130,
  name: 'openid-tokens',
  up: (dialect) => [
    `CREATE TABLE openid_tokens (
      token_hash ${dialect.blob} NOT NULL PRIMARY KEY,
      user_nid ${dialect.integer} NOT NULL,
      expires_ts ${dialect.integer} NOT NULL
    )${dialect.withoutRowid}`,
    `CREATE INDEX openid_tokens_by_expiry ON openid_tokens (expires_ts)`,
  ],
});
