import { migration } from '../platform/database/index.ts';

/** What the platform itself keeps. `schema_migrations` is made by the migrations' runner. */
export default migration({
  id: 1,
  name: 'foundation',
  up: (dialect) => [
    `CREATE TABLE server_metadata (key ${dialect.text} PRIMARY KEY, value ${dialect.text} NOT NULL)${dialect.withoutRowid}`,
    // Strings that stand in many rows, once each: those rows hold the number.
    `CREATE TABLE names (id ${dialect.identity}, text ${dialect.text} NOT NULL UNIQUE)`,
    // Long work that runs while the server serves; progress is JSON that only the update itself reads.
    `CREATE TABLE background_updates (
      name ${dialect.text} PRIMARY KEY,
      progress ${dialect.text} NOT NULL,
      paused ${dialect.integer} NOT NULL DEFAULT 0,
      finished ${dialect.integer} NOT NULL DEFAULT 0
    )${dialect.withoutRowid}`,
  ],
});
