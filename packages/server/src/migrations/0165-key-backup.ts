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
    // A store is the keys of one backup; one that is emptied gets another store, and the old one is cleared away later. Found by session
    // where keys are written, by room where they are read.
    `CREATE TABLE key_backup_keys (
      user_nid ${dialect.integer} NOT NULL,
      store ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      session_id ${dialect.text} NOT NULL,
      first_message_index ${dialect.integer} NOT NULL,
      forwarded_count ${dialect.integer} NOT NULL,
      is_verified ${dialect.integer} NOT NULL,
      session_data ${dialect.text} NOT NULL,
      PRIMARY KEY (user_nid, store, session_id, room_nid)
    )`,
    `CREATE INDEX key_backup_keys_by_room ON key_backup_keys (user_nid, store, room_nid, session_id)`,
    // Stores that no backup has any more.
    `CREATE TABLE key_backup_leftovers (
      user_nid ${dialect.integer} NOT NULL,
      store ${dialect.integer} NOT NULL,
      PRIMARY KEY (user_nid, store)
    )${dialect.withoutRowid}`,
  ],
});
