import type { Dialect, Fragments } from './dialect.ts';

export const sqliteDialect: Dialect = {
  name: 'sqlite',
  text: 'TEXT',
  integer: 'INTEGER',
  real: 'REAL',
  blob: 'BLOB',
  identity: 'INTEGER PRIMARY KEY',
  bigKey: 'INTEGER PRIMARY KEY',
  withoutRowid: ' WITHOUT ROWID',
  oftenUpdated: '',
  listTables: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
  creationLock: undefined,
  migrationLock: undefined,
};

export const sqliteFragments: Fragments = {
  placeholder: () => '?',
  // A list travels as JSON, which has no bytes: those are written in hexadecimal.
  inList: (placeholder, blobs) => `IN (SELECT ${blobs ? 'unhex(value)' : 'value'} FROM json_each(${placeholder}))`,
};
