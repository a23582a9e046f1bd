import { types, type CustomTypesConfig } from 'pg';

import { ListParameter, plainValue } from '../sql.ts';

/**
 * PostgreSQL's text cannot hold U+0000, which Matrix strings may contain. It is stored as U+FDD0 (a code point that Unicode keeps
 * free for a program's own use) and "0", and U+FDD0 itself as U+FDD0 and "1": whatever was written is read back, and equal strings
 * stay equal. Only the order of strings that contain them differs from SQLite's.
 */
const ESCAPE = '\u{fdd0}';

/** A parameter as the driver takes it. */
export function postgresValue(value: unknown): unknown {
  if (value instanceof ListParameter) return value.items.map((item) => (typeof item === 'string' ? storedText(item) : item));
  const plain = plainValue(value);
  return typeof plain === 'string' ? storedText(plain) : plain;
}

function storedText(text: string): string {
  if (!text.includes('\0') && !text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPE, `${ESCAPE}1`).replaceAll('\0', `${ESCAPE}0`);
}

function readText(stored: string): string {
  if (!stored.includes(ESCAPE)) return stored;
  return stored.replaceAll(`${ESCAPE}0`, '\0').replaceAll(`${ESCAPE}1`, ESCAPE);
}

const { BOOL, BYTEA, INT8, NUMERIC, TEXT, VARCHAR } = types.builtins;
/** The type of the system tables' names. */
const NAME = 19;

type Parser = (stored: string) => unknown;

const readBytes: Parser = (stored) => Uint8Array.fromHex(stored.slice(2));

/** Rows as SQLite gives them: numbers for whole numbers, sums and comparisons, plain bytes. */
const parsers: ReadonlyMap<number, Parser> = new Map<number, Parser>([
  [BOOL, (stored) => (stored === 't' ? 1 : 0)],
  [BYTEA, readBytes],
  [INT8, Number],
  [NUMERIC, Number],
  [TEXT, readText],
  [VARCHAR, readText],
  [NAME, readText],
]);

export const postgresTypes: CustomTypesConfig = {
  getTypeParser: (oid, format): Parser => parsers.get(oid) ?? (types.getTypeParser(oid, format) as Parser),
};
