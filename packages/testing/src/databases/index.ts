export { forEachDatabase, type DatabaseSuite, type DatabaseTest } from './for-each-database.ts';
