import type { Json } from '../events/pdu.ts';
import { parseJson } from './parse-json.ts';

/** What the engine offers beyond TypeScript's own description of `JSON`; https://github.com/tc39/proposal-json-parse-with-source */
interface JsonWithSource {
  parse(text: string, reviver: (key: string, value: unknown, context: { source: string }) => unknown): unknown;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
}
const json = JSON as unknown as JsonWithSource;

/**
 * As `parseJson`, but floats and great integers come out as raw JSON, which the lenient encoder writes back as the servers did that
 * hashed them: integers digit by digit, floats in Python's notation (`1.0`, `1e-07`). Without it `"w": 640.0` would be written `640`, the
 * content hash of an event of room versions 1 to 5 would seem wrong, and the event would lose its content.
 *
 * The result is for hashing and verifying only. To read the event, parse the text with `parseJson`.
 */
export function parseExactJson(text: string): Json {
  const plain = parseJson(text);
  if (!mayHoldInexactNumbers(text)) return plain;
  return json.parse(text, (_key, value, { source }) => (typeof value === 'number' ? exactly(value, source) : value)) as Json;
}

/**
 * Whether the text may hold numbers that `parseJson` does not keep as they are written; false for nearly all. A number stands at the
 * beginning, in a list or behind a colon; digits within hashes and ids are none.
 */
export function mayHoldInexactNumbers(text: string): boolean {
  return /(?:^|[[:,])\s*-?(?:\d+[.eE]|\d{16})/.test(text);
}

/** Whether the value is a number that {@link parseExactJson} kept as text. */
export function isExactNumber(value: object): boolean {
  return json.isRawJSON(value);
}

function exactly(value: number, source: string): unknown {
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : json.rawJSON(source);
  return Number.isFinite(value) ? json.rawJSON(floatText(value)) : value;
}

/** A finite float as Python's `repr` has it: shortest digits, always with a point or an exponent. */
function floatText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 16) return Number.isInteger(value) ? `${value}.0` : String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
