import type { DatabaseSettings, Migration } from '@myelin/server/platform/database';

/** An empty database with the schema in place, that one test has for itself. */
export interface TestDatabase {
  readonly settings: DatabaseSettings;
  /** Removes it. Everything that uses it is closed by then. */
  remove(): Promise<void>;
}

/** Where tests get databases of one kind. */
export interface TestDatabases {
  readonly label: string;
  readonly dialect: 'sqlite' | 'postgres';
  create(migrations: readonly Migration[]): Promise<TestDatabase>;
}
