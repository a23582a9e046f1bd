import { migration } from '../platform/database/index.ts';

/** Encrypted copies of the keys of encrypted rooms (`features/key-backup`). */
export default migration({
  id: 165,
  name: 'key-backup',
  up: (dialect) => [
    // The numbers that a user's backups, and the stores of their keys, were given last: none of them comes twice. The row outlives the backups.
    `CREATE TABLE key_backup_numbers (
      user_nid ${dialect.bigKey},
      last_version ${dialect.integer} NOT NULL,
      last_store ${dialect.integer} NOT NULL
    )`,
    // etag counts the changes of the keys. auth_data is JSON.
    `CREATE TABLE key_backups (
      user_nid ${dialect.integer} NOT NULL,
      version ${dialect.integer} NOT NULL,
      store ${dialect.integer} NOT NULL,
      etag ${dialect.integer} NOT NULL,
      key_count ${dialect.integer} NOT NULL,
      algorithm ${dialect.text} NOT NULL,
      auth_data ${dialect.text} NOT NULL,
      PRIMARY KEY (user_nid, version)
    )`,
    // A store is the keys of one backup; one that is emptied gets another store, and the old one is cleared away later. A key's name is
    // `user.store.room.session`, of their numbers and the session's id: with one column instead of four PostgreSQL finds many keys at once
    // by the index and not, where it has no statistics, by comparing each key of the user with each that is wanted.
    `CREATE TABLE key_backup_keys (
      name ${dialect.text} NOT NULL PRIMARY KEY,
      first_message_index ${dialect.integer} NOT NULL,
      forwarded_count ${dialect.integer} NOT NULL,
      is_verified ${dialect.integer} NOT NULL,
      session_data ${dialect.text} NOT NULL
    )`,
    // Stores that no backup has any more.
    `CREATE TABLE key_backup_leftovers (
      user_nid ${dialect.integer} NOT NULL,
      store ${dialect.integer} NOT NULL,
      PRIMARY KEY (user_nid, store)
    )${dialect.withoutRowid}`,
  ],
});
