import { migration } from '../platform/database/index.ts';

/** Confirmations that are under way (`features/user-interactive-auth`). */
export default migration({
  id: 21,
  name: 'user-interactive-auth',
  up: (dialect) => [
    // The id of a session is a secret of its client: the row knows it by its SHA-256, and the body (which may hold a password) is sealed with
    // a key made from it.
    `CREATE TABLE ui_auth_sessions (
      session_hash ${dialect.blob} NOT NULL PRIMARY KEY,
      created_ts ${dialect.integer} NOT NULL,
      method ${dialect.text} NOT NULL,
      path ${dialect.text} NOT NULL,
      user_nid ${dialect.integer},
      sealed_body ${dialect.blob}
    )${dialect.withoutRowid}`,
    `CREATE INDEX ui_auth_sessions_by_age ON ui_auth_sessions (created_ts)`,

    `CREATE TABLE ui_auth_stages (
      session_hash ${dialect.blob} NOT NULL,
      stage ${dialect.text} NOT NULL,
      result ${dialect.text} NOT NULL,
      PRIMARY KEY (session_hash, stage)
    )${dialect.withoutRowid}`,
  ],
});
