import type { DialectName } from './dialects/dialect.ts';
import { postgresFragments } from './dialects/postgres.ts';
import { sqliteFragments } from './dialects/sqlite.ts';
import type { Query, SqlValue } from './types.ts';

/** A statement's text in each dialect, made once for each template of the code. */
export interface Template {
  /** Small and never reused: the name of the prepared statement. */
  readonly id: number;
  /** Made from text at run time: not worth keeping prepared. */
  readonly transient: boolean;
  readonly parameters: number;
  readonly text: Readonly<Record<DialectName, string>>;
}

type ListKind = 'list' | 'blob-list';

/** A list as one parameter; made by `inList`. */
export class ListParameter {
  readonly kind: ListKind;
  readonly items: readonly (string | number)[] | readonly Uint8Array[];

  constructor(kind: ListKind, items: readonly (string | number)[] | readonly Uint8Array[]) {
    this.kind = kind;
    this.items = items;
  }
}

/** A piece of constant text; made by `sqlPart`. */
class TextPart {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const templates = new WeakMap<readonly string[], Template>();
const insertTemplates = new Map<string, Template>();
/** For templates that hold parts: strings array, then the parts' texts, to the strings array of the whole. */
const composed = new WeakMap<readonly string[], Map<string, readonly string[]>>();
const listKinds = new WeakMap<readonly string[], readonly (ListKind | undefined)[]>();
let nextId = 1;

/**
 * One SQL statement for both databases: ``sql<Row>`SELECT body FROM events WHERE id = ${id}` ``. A `${value}` is always a parameter,
 * never text, except for what `inList` and `sqlPart` make. Text stays prepared: write a template as a literal, never in a loop that
 * makes new text.
 *
 * Parameters have no type of their own on PostgreSQL, which takes it from where they stand; where it cannot, write
 * `CAST(${n} AS bigint)`. On SQLite a number arrives as a float where no column gives it a type, so do not divide by a parameter.
 */
export function sql<Row = unknown>(strings: TemplateStringsArray, ...values: readonly unknown[]): Query<Row> {
  for (const value of values) {
    if (value instanceof ListParameter || value instanceof TextPart) return compose(strings, values);
  }
  return { strings, values };
}

/**
 * ``WHERE id ${inList(ids)}``: the column's value is one of these. One parameter, however many values; an empty list matches nothing.
 * All values of a list are of one type (string, number or bytes).
 */
export function inList(items: readonly (string | number)[] | readonly Uint8Array[]): ListParameter {
  return new ListParameter(items[0] instanceof Uint8Array ? 'blob-list' : 'list', items);
}

/**
 * Constant text inside a template, such as a column list that several statements share. A constant of the code, never input: each
 * new text makes a new prepared statement.
 */
export function sqlPart(text: string): object {
  return new TextPart(text);
}

/** A whole statement from text that is known only at run time, as in migrations. No parameters; not kept prepared. */
export function sqlText<Row = unknown>(text: string): Query<Row> {
  const strings = [text];
  templates.set(strings, makeTemplate({ sqlite: text, postgres: text }, 0, true));
  return { strings, values: [] };
}

/** The texts of a query's template. */
export function templateOf(query: Query): Template {
  let template = templates.get(query.strings);
  if (template === undefined) {
    const kinds = listKinds.get(query.strings);
    template = makeTemplate(
      { sqlite: join(query.strings, kinds, 'sqlite'), postgres: join(query.strings, kinds, 'postgres') },
      query.strings.length - 1,
      false,
    );
    templates.set(query.strings, template);
  }
  return template;
}

/**
 * The statement of `insertMany`. On SQLite it inserts one row and is run for each; on PostgreSQL each column is one array, whose
 * type in the schema is known by then and stands in `types`.
 */
export function insertTemplate(
  table: string,
  columns: readonly string[],
  onConflict: string | undefined,
  types: readonly string[],
): Template {
  const key = `${table}(${columns.join()})${onConflict ?? ''}:${types.join()}`;
  let template = insertTemplates.get(key);
  if (template === undefined) {
    const start = `INSERT INTO ${table} (${columns.join(', ')})`;
    const end = onConflict === undefined ? '' : ` ON CONFLICT ${onConflict}`;
    const arrays = types.map((type, index) => `$${index + 1}::${type}[]`).join(', ');
    template = makeTemplate(
      {
        sqlite: `${start} VALUES (${columns.map(() => '?').join(', ')})${end}`,
        postgres: `${start} SELECT * FROM unnest(${arrays})${end}`,
      },
      columns.length,
      false,
    );
    insertTemplates.set(key, template);
  }
  return template;
}

/** Checks what may be a parameter; booleans become 0 and 1. */
export function plainValue(value: unknown): Exclude<SqlValue, boolean> {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} cannot be stored`);
      return value;
    case 'boolean':
      return value ? 1 : 0;
    default:
      if (value === null || value instanceof Uint8Array) return value;
      throw new TypeError(`A value of type ${typeof value} cannot be a parameter of a statement`);
  }
}

function makeTemplate(text: Template['text'], parameters: number, transient: boolean): Template {
  return { id: nextId++, transient, parameters, text };
}

function compose<Row>(strings: readonly string[], values: readonly unknown[]): Query<Row> {
  const flatValues: unknown[] = [];
  let key = '';
  for (const value of values) {
    if (value instanceof TextPart) {
      key += `t${value.text}\0`;
      continue;
    }
    key += value instanceof ListParameter ? `${value.kind}\0` : '\0';
    flatValues.push(value);
  }
  let byParts = composed.get(strings);
  if (byParts === undefined) composed.set(strings, (byParts = new Map<string, readonly string[]>()));
  let flat = byParts.get(key);
  if (flat === undefined) byParts.set(key, (flat = flatten(strings, values)));
  return { strings: flat, values: flatValues };
}

function flatten(strings: readonly string[], values: readonly unknown[]): readonly string[] {
  const flat: string[] = [strings[0] ?? ''];
  const kinds: (ListKind | undefined)[] = [];
  for (const [index, value] of values.entries()) {
    const after = strings[index + 1] ?? '';
    if (value instanceof TextPart) {
      flat[flat.length - 1] += value.text + after;
    } else {
      kinds.push(value instanceof ListParameter ? value.kind : undefined);
      flat.push(after);
    }
  }
  listKinds.set(flat, kinds);
  return flat;
}

function join(strings: readonly string[], kinds: readonly (ListKind | undefined)[] | undefined, dialect: DialectName): string {
  const fragments = dialect === 'sqlite' ? sqliteFragments : postgresFragments;
  let text = strings[0] ?? '';
  for (let index = 1; index < strings.length; index++) {
    const kind = kinds?.[index - 1];
    const placeholder = fragments.placeholder(index);
    text += kind === undefined ? placeholder : fragments.inList(placeholder, kind === 'blob-list');
    text += strings[index];
  }
  return text;
}
