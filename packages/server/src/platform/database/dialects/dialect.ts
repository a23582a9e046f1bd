export type DialectName = 'sqlite' | 'postgres';

/** What must be written differently in the two databases' schemas, by name. For use in migrations. */
export interface Dialect {
  readonly name: DialectName;
  /** Text, compared and ordered by its bytes (by code point) on both. */
  readonly text: string;
  /** Whole numbers within ±(2^53 − 1), booleans as 0 and 1 among them. */
  readonly integer: string;
  readonly real: string;
  readonly blob: string;
  /** A column definition's type and constraint for a table's own integer key, which the database hands out when none is given. */
  readonly identity: string;
  /** The same for a key that the server hands out itself. */
  readonly bigKey: string;
  /** After the closing bracket of a table whose primary key is not one integer: rows live in the key's index. */
  readonly withoutRowid: string;
  /** After the closing bracket of a table whose rows are updated often and small: leaves room on the page for the new version. */
  readonly oftenUpdated: string;
  /** A statement that gives the `name` of each table in the schema. */
  readonly listTables: string;
  /** A statement that waits until no other process makes the first table, until the transaction ends; undefined where writing does. */
  readonly creationLock: string | undefined;
  /** The same for every later migration. */
  readonly migrationLock: string | undefined;
}

/** How a statement's variable parts are spelt. */
export interface Fragments {
  /** The parameter of this number, from 1. */
  placeholder(number: number): string;
  /** The comparison with a list that is one parameter. */
  inList(placeholder: string, blobs: boolean): string;
}
