import { ByteCache, stringBytes, type CacheBudget } from '../cache/index.ts';
import { inList, sql, sqlPart } from './sql.ts';
import type { Database } from './types.ts';

interface NameRow {
  id: number;
  text: string;
}

/** A larger request is split: one statement must not hold up the others. */
const TEXTS_AT_ONCE = 10_000;

/**
 * Strings that stand in many rows (ids of users, rooms and events, event types, state keys) are stored once, and rows hold their number.
 * A number once given is for ever. Giving a new one is a durable write of its own, before the write that uses it: should that one
 * fail, an unused name is left, which hurts nobody. Several processes may do it at once.
 *
 * Strings must be well-formed Unicode: a lone surrogate cannot be stored as text.
 */
export class Interner {
  readonly #database: Database;
  readonly #table: object;
  readonly #tableName: string;
  readonly #ids: ByteCache<string, number>;
  readonly #texts: ByteCache<number, string>;

  /** `table` is a constant of the code, with columns `id` (the database hands it out) and `text` (unique). */
  constructor(database: Database, budget: CacheBudget, table = 'names') {
    this.#database = database;
    this.#table = sqlPart(table);
    this.#tableName = table;
    this.#ids = new ByteCache({ budget, cost: (_id, text) => stringBytes(text) });
    this.#texts = new ByteCache({ budget, cost: stringBytes });
  }

  /** The string's number; a new one when it has none yet. */
  async idOf(text: string): Promise<number> {
    return this.#ids.get(text) ?? found((await this.idsOf([text])).get(text), text);
  }

  /** The numbers of many strings, new ones where they have none yet: two statements at most for each 10,000. */
  async idsOf(texts: Iterable<string>): Promise<Map<string, number>> {
    // What can be walked only once is walked once.
    const wanted = new Set(texts);
    const ids = await this.knownIdsOf(wanted);
    const missing = [...wanted].filter((text) => !ids.has(text));
    if (missing.length === 0) return ids;
    for (const text of missing) {
      if (!text.isWellFormed()) throw new TypeError('A string with a lone surrogate cannot be stored');
    }
    await this.#database.write((tx) =>
      tx.insertMany(
        this.#tableName,
        ['text'],
        missing.map((text) => [text]),
        '(text) DO NOTHING',
      ),
    );
    for (const [text, id] of await this.knownIdsOf(missing)) ids.set(text, id);
    return ids;
  }

  /** The string's number, or undefined when it has none. Nothing is written. */
  async knownIdOf(text: string): Promise<number | undefined> {
    const cached = this.#ids.get(text);
    if (cached !== undefined) return cached;
    const row = await this.#database.get(sql<{ id: number }>`SELECT id FROM ${this.#table} WHERE text = ${text}`);
    if (row !== undefined) this.#remember(row.id, text);
    return row?.id;
  }

  /** The numbers of those strings that have one. Nothing is written. */
  async knownIdsOf(texts: Iterable<string>): Promise<Map<string, number>> {
    const ids = new Map<string, number>();
    const unknown = new Set<string>();
    for (const text of texts) {
      const id = this.#ids.get(text);
      if (id === undefined) unknown.add(text);
      else ids.set(text, id);
    }
    for (const some of inPieces([...unknown])) {
      const rows = await this.#database.all(sql<NameRow>`SELECT id, text FROM ${this.#table} WHERE text ${inList(some)}`);
      for (const { id, text } of rows) {
        ids.set(text, id);
        this.#remember(id, text);
      }
    }
    return ids;
  }

  /** The string behind a number that a row holds. Rejects when there is none: the database would be damaged. */
  async textOf(id: number): Promise<string> {
    return this.#texts.get(id) ?? found((await this.textsOf([id])).get(id), id);
  }

  /** The strings behind many numbers. Rejects when one has none. */
  async textsOf(ids: Iterable<number>): Promise<Map<number, string>> {
    const texts = new Map<number, string>();
    const unknown = new Set<number>();
    for (const id of ids) {
      const text = this.#texts.get(id);
      if (text === undefined) unknown.add(id);
      else texts.set(id, text);
    }
    for (const some of inPieces([...unknown])) {
      for (const row of await this.#database.all(sql<NameRow>`SELECT id, text FROM ${this.#table} WHERE id ${inList(some)}`)) {
        texts.set(row.id, row.text);
        this.#remember(row.id, row.text);
      }
    }
    for (const id of unknown) found(texts.get(id), id);
    return texts;
  }

  #remember(id: number, text: string): void {
    this.#ids.set(text, id);
    this.#texts.set(id, text);
  }
}

function found<T>(value: T | undefined, of: string | number): T {
  if (value === undefined) throw new Error(`There is no interned string for ${JSON.stringify(of)}`);
  return value;
}

function* inPieces<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += TEXTS_AT_ONCE) yield list.slice(start, start + TEXTS_AT_ONCE);
}
