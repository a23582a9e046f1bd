export { forEachDatabase, type DatabaseSuite, type DatabaseTest } from './for-each-database.ts';
export { findPostgres, type FoundPostgres } from './find-postgres.ts';
export { noPostgresReason, postgresDatabases, sharePostgres } from './postgres.ts';
export { PostgresServer } from './postgres-server.ts';
export { sqliteDatabases } from './sqlite.ts';
export type { TestDatabase, TestDatabases } from './test-databases.ts';
