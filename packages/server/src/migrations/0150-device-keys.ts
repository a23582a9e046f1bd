import { migration } from '../platform/database/index.ts';

/** The public keys of this server's users: of their devices, once and again, and for cross-signing. */
export default migration({
  id: 150,
  name: 'device-keys',
  up: (dialect) => [
    // `keys` is the JSON that others get, without `unsigned`, with the signatures that everybody may see.
    `CREATE TABLE device_keys (
      user_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      keys ${dialect.text} NOT NULL,
      PRIMARY KEY (user_nid, device_id)
    )${dialect.withoutRowid}`,

    // A stock is what a device has of one algorithm: its one-time keys and its fallback key.
    `CREATE TABLE one_time_key_stocks (
      stock_id ${dialect.identity},
      user_nid ${dialect.integer} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      algorithm ${dialect.text} NOT NULL,
      fallback_key_id ${dialect.text},
      fallback_key ${dialect.text},
      fallback_used ${dialect.integer} NOT NULL DEFAULT 0,
      UNIQUE (user_nid, device_id, algorithm)
    )${dialect.oftenUpdated}`,
    // In the order in which they were uploaded. One that was given out stays, spent, until the device's next upload.
    `CREATE TABLE one_time_keys (
      stock_id ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      key_id ${dialect.text} NOT NULL,
      key_json ${dialect.text} NOT NULL,
      spent ${dialect.integer} NOT NULL DEFAULT 0,
      PRIMARY KEY (stock_id, position)
    )${dialect.withoutRowid}`,
    // Ids of keys that were given out, for as long as the device lives: ranges, because clients count.
    `CREATE TABLE spent_key_ids (
      stock_id ${dialect.integer} NOT NULL,
      family ${dialect.text} NOT NULL,
      first_number ${dialect.integer} NOT NULL,
      last_number ${dialect.integer} NOT NULL,
      PRIMARY KEY (stock_id, family, first_number)
    )${dialect.withoutRowid}`,
    // How often keys were taken from stocks: what a database restored from a copy is known by.
    `CREATE TABLE one_time_key_claims (
      id ${dialect.bigKey},
      claims ${dialect.integer} NOT NULL
    )`,
    `INSERT INTO one_time_key_claims (id, claims) VALUES (1, 0)`,

    `CREATE TABLE cross_signing_keys (
      user_nid ${dialect.integer} NOT NULL,
      usage ${dialect.text} NOT NULL,
      public_key ${dialect.text} NOT NULL,
      keys ${dialect.text} NOT NULL,
      PRIMARY KEY (user_nid, usage)
    )${dialect.withoutRowid}`,
    // What a user's user-signing key says about master keys of others: nobody else sees it.
    `CREATE TABLE user_signatures (
      signer_nid ${dialect.integer} NOT NULL,
      target_nid ${dialect.integer} NOT NULL,
      target_key ${dialect.text} NOT NULL,
      signer_key_id ${dialect.text} NOT NULL,
      signature ${dialect.text} NOT NULL,
      PRIMARY KEY (signer_nid, target_nid, target_key, signer_key_id)
    )${dialect.withoutRowid}`,
    `CREATE INDEX user_signatures_by_target ON user_signatures (target_nid)`,
  ],
});
