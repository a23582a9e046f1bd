export type { Database, Db, InteractiveTx, Query, SqlValue, Tx, WriteLane } from './types.ts';
export { inList, sql, sqlPart, sqlText } from './sql.ts';
export type { Dialect, DialectName } from './dialects/dialect.ts';
export * from './errors.ts';
export { dialectOf, migrate, migration, type Migration } from './migrations.ts';
export { openDatabase } from './open-database.ts';
export type { DatabaseSettings, PostgresSettings, PostgresTls, SqliteSettings } from './settings.ts';
export { Interner } from './interner.ts';
export {
  BackgroundUpdates,
  type BackgroundUpdate,
  type BackgroundUpdatesOptions,
  type BackgroundUpdateStatus,
  type Progress,
} from './background-updates.ts';
export { settingsFromConfig } from './settings-from-config.ts';
