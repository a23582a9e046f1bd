import { migration } from '../platform/database/index.ts';

/** The people of this server, their devices and the tokens by which they are known. */
export default migration({
  id: 20,
  name: 'accounts',
  up: (dialect) => [
    // user_nid is the interned user id. A password hash is bcrypt's; without one there is no password. `parting` means that an account that
    // was deactivated has not left all its rooms yet.
    `CREATE TABLE users (
      user_nid ${dialect.bigKey},
      localpart ${dialect.text} NOT NULL UNIQUE,
      password_hash ${dialect.text},
      created_ts ${dialect.integer} NOT NULL,
      is_guest ${dialect.integer} NOT NULL,
      admin ${dialect.integer} NOT NULL,
      deactivated ${dialect.integer} NOT NULL DEFAULT 0,
      erased ${dialect.integer} NOT NULL DEFAULT 0,
      parting ${dialect.integer} NOT NULL DEFAULT 0,
      locked ${dialect.integer} NOT NULL DEFAULT 0,
      suspended ${dialect.integer} NOT NULL DEFAULT 0,
      shadow_banned ${dialect.integer} NOT NULL DEFAULT 0,
      approved ${dialect.integer} NOT NULL DEFAULT 1,
      user_type ${dialect.text},
      appservice_id ${dialect.text},
      consent_version ${dialect.text},
      consent_ts ${dialect.integer}
    )`,
    // Names from before the strict grammar may hold capital letters; people type them as they please.
    `CREATE INDEX users_by_lower_localpart ON users (lower(localpart))`,
    `CREATE INDEX users_parting ON users (user_nid) WHERE parting = 1`,

    `CREATE TABLE devices (
      user_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      display_name ${dialect.text},
      created_ts ${dialect.integer} NOT NULL,
      last_seen_ts ${dialect.integer},
      last_seen_ip ${dialect.text},
      last_seen_user_agent ${dialect.text},
      PRIMARY KEY (user_nid, device_id)
    )${dialect.withoutRowid}`,
    `CREATE INDEX devices_by_last_seen ON devices (last_seen_ts)`,

    // Tokens are known by their SHA-256. A session is one login; each refresh makes a new generation of its tokens, and the first use of one
    // ends all generations before it.
    `CREATE TABLE access_tokens (
      token_hash ${dialect.blob} NOT NULL PRIMARY KEY,
      user_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text},
      session_id ${dialect.text} NOT NULL,
      generation ${dialect.integer} NOT NULL,
      used ${dialect.integer} NOT NULL,
      created_ts ${dialect.integer} NOT NULL,
      expires_ts ${dialect.integer},
      proved_ts ${dialect.integer}
    )${dialect.withoutRowid}`,
    `CREATE INDEX access_tokens_by_user ON access_tokens (user_nid, device_id)`,
    `CREATE TABLE refresh_tokens (
      token_hash ${dialect.blob} NOT NULL PRIMARY KEY,
      user_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      session_id ${dialect.text} NOT NULL,
      generation ${dialect.integer} NOT NULL,
      expires_ts ${dialect.integer},
      session_expires_ts ${dialect.integer}
    )${dialect.withoutRowid}`,
    `CREATE INDEX refresh_tokens_by_user ON refresh_tokens (user_nid, device_id)`,
  ],
});
