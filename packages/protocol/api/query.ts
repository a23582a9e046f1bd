import type { TSchema } from 'typebox';

import { invalidParam } from '../errors/index.ts';
import { type QueryDecoder, queryDecoder } from './schemas.ts';

/** A query string as an HTTP server parsed it: repeated names are arrays. */
export type RawQuery = Readonly<Record<string, string | readonly string[] | undefined>>;
type Decoded = Record<string, string | number | boolean | readonly string[]>;

/**
 * Turns the text of a query into the values that its schema describes: integers, booleans and arrays where the schema was made
 * by `QueryInteger`, `QueryBoolean` and `QueryStringArray`, text everywhere else. Ranges and patterns are left to the
 * validator that runs on the result. Names that the schema does not know are kept as text.
 * Throws M_INVALID_PARAM for an integer that is no integer and a boolean that is no boolean.
 */
export function decodeQuery(schema: TSchema, raw: RawQuery): Decoded {
  const properties = propertiesOf(schema);
  // No prototype: a stranger may have named a parameter `__proto__`.
  const decoded = Object.create(null) as Decoded;
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    const decoder = Object.hasOwn(properties, name) ? decoderOf(properties[name]) : undefined;
    decoded[name] = decodeValue(name, value, decoder);
  }
  return decoded;
}

function decodeValue(name: string, value: string | readonly string[], decoder: QueryDecoder | undefined) {
  if (decoder === 'string-array') return typeof value === 'string' ? [value] : value;
  const text = typeof value === 'string' ? value : (value.at(-1) ?? '');
  if (decoder === 'integer') return decodeInteger(name, text);
  if (decoder === 'boolean') return decodeBoolean(name, text);
  return text;
}

function decodeInteger(name: string, text: string): number {
  const value = /^-?[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalidParam(`Query parameter ${name} must be an integer`);
  return value;
}

function decodeBoolean(name: string, text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw invalidParam(`Query parameter ${name} must be true or false`);
}

function propertiesOf(schema: TSchema): Readonly<Record<string, unknown>> {
  return 'properties' in schema ? (schema.properties as Record<string, unknown>) : {};
}

function decoderOf(property: unknown): QueryDecoder | undefined {
  const marked = property as { readonly [queryDecoder]?: QueryDecoder };
  return marked[queryDecoder];
}
