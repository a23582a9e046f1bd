import { DatabaseError } from '../errors.ts';
import { sql } from '../sql.ts';
import type { Db } from '../types.ts';

interface ColumnRow {
  table_name: string;
  column_name: string;
  type: string;
}

/** The types of the schema's columns: many rows are inserted as one array for each column, and an array must say what it holds. */
export class ColumnTypes {
  readonly #db: Db;
  #types = new Map<string, string>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Undefined when a column is not known yet. */
  known(table: string, columns: readonly string[]): string[] | undefined {
    const types: string[] = [];
    for (const column of columns) {
      const type = this.#types.get(`${table}.${column}`);
      if (type === undefined) return undefined;
      types.push(type);
    }
    return types;
  }

  /** Reads the schema. Rejects when it has no such column. */
  async load(table: string, columns: readonly string[]): Promise<string[]> {
    const rows = await this.#db.all(sql<ColumnRow>`
      SELECT c.relname AS table_name, a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
      WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`);
    this.#types = new Map(rows.map((row) => [`${row.table_name}.${row.column_name}`, row.type]));
    const types = this.known(table, columns);
    if (types === undefined) throw new DatabaseError(`There is no table ${table} with the columns ${columns.join(', ')}`);
    return types;
  }
}
