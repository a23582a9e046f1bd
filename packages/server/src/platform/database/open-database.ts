import { migrate, type Migration } from './migrations.ts';
import type { DatabaseSettings } from './settings.ts';
import { openSqlite } from './sqlite/sqlite-database.ts';
import type { Database } from './types.ts';

/**
 * Opens the database and brings its schema up to date.
 *
 * Rejects with `DatabaseLockedError`, `DatabaseCorruptError`, `DatabaseUnavailableError` or `NewerSchemaError`, each with a sentence
 * for the operator.
 */
export async function openDatabase(settings: DatabaseSettings, migrations: readonly Migration[]): Promise<Database> {
  const database = await openEngine(settings);
  try {
    await migrate(database, migrations);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openEngine(settings: DatabaseSettings): Promise<Database> {
  if (settings.kind === 'sqlite') return openSqlite(settings);
  // Loaded only when it is used: the driver costs a small server memory and start time.
  const { openPostgres } = await import('./postgres/postgres-database.ts');
  return openPostgres(settings);
}
