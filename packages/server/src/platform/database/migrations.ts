import type { Dialect } from './dialects/dialect.ts';
import { postgresDialect } from './dialects/postgres.ts';
import { sqliteDialect } from './dialects/sqlite.ts';
import { DatabaseError, NewerSchemaError } from './errors.ts';
import { sql, sqlText } from './sql.ts';
import type { Database } from './types.ts';

/** One step of the schema, forward only. */
export interface Migration {
  /** The number that the file's name starts with; each is larger than the one before. */
  readonly id: number;
  readonly name: string;
  /** The statements, in order; all of them run in one transaction. */
  up(dialect: Dialect): string[];
}

/** Declares a migration: `export default migration({ id: 2, name: 'rooms', up: (dialect) => [ … ] })`. */
export function migration(step: Migration): Migration {
  return step;
}

/**
 * Brings the schema up to the last of `migrations`. Gives the names of those that were applied now. Processes that start at the same
 * time wait for one another. Rejects with `NewerSchemaError` when the database has a migration that this list does not, and refuses
 * a database that holds another program's tables.
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<string[]> {
  checkOrder(migrations);
  const dialect = dialectOf(database);
  const applied = await appliedIds(database, dialect);
  const known = new Set(migrations.map((step) => step.id));
  const newer = [...applied].find((id) => !known.has(id));
  if (newer !== undefined) {
    throw new NewerSchemaError(
      `The database was last used by a newer version of this server (its schema has step ${newer}, which this version does not know). ` +
        'Start that version again, or restore the backup made before it was installed',
    );
  }
  const names: string[] = [];
  for (const step of migrations) {
    if (applied.has(step.id)) continue;
    if (await apply(database, dialect, step)) names.push(step.name);
  }
  return names;
}

export function dialectOf(database: Database): Dialect {
  return database.dialect === 'sqlite' ? sqliteDialect : postgresDialect;
}

/** Throws when these tables are another program's. */
export function refuseForeignTables(tables: ReadonlySet<string>): void {
  if (tables.size === 0 || tables.has('schema_migrations')) return;
  const which = tables.has('schema_version') && tables.has('event_json') ? 'Synapse' : 'another program';
  throw new DatabaseError(`The database holds the tables of ${which}. Give this server an empty database of its own`);
}

async function appliedIds(database: Database, dialect: Dialect): Promise<Set<number>> {
  const tables = new Set((await database.all(sqlText<{ name: string }>(dialect.listTables))).map((table) => table.name));
  refuseForeignTables(tables);
  if (!tables.has('schema_migrations')) {
    await database.write((tx) => {
      if (dialect.creationLock !== undefined) tx.run(sqlText(dialect.creationLock));
      tx.run(
        sqlText(
          `CREATE TABLE IF NOT EXISTS schema_migrations (id ${dialect.integer} PRIMARY KEY, name ${dialect.text} NOT NULL)`,
        ),
      );
    });
  }
  return new Set((await database.all(sql<{ id: number }>`SELECT id FROM schema_migrations`)).map((row) => row.id));
}

async function apply(database: Database, dialect: Dialect, step: Migration): Promise<boolean> {
  return database.transaction(async (tx) => {
    if (dialect.migrationLock !== undefined) tx.run(sqlText(dialect.migrationLock));
    if ((await tx.get(sql`SELECT id FROM schema_migrations WHERE id = ${step.id}`)) !== undefined) return false;
    for (const statement of step.up(dialect)) tx.run(sqlText(statement));
    tx.run(sql`INSERT INTO schema_migrations (id, name) VALUES (${step.id}, ${step.name})`);
    return true;
  });
}

function checkOrder(migrations: readonly Migration[]): void {
  let last = 0;
  for (const step of migrations) {
    if (step.id <= last) throw new Error(`Migration ${step.id} (${step.name}) must not come after migration ${last}`);
    last = step.id;
  }
}
