import { CanonicalJsonError } from './canonical-json-error.ts';
import { codePointOrder } from './code-point-order.ts';
import { isExactNumber } from './exact-numbers.ts';
import { findFault } from './fault.ts';
import { maxJsonDepth } from './max-depth.ts';
import { setOwn } from './own-members.ts';

/**
 * The one way to write a value as JSON: keys by code point, no white space, only integers within ±(2^53 − 1), shortest escapes.
 * Members that are undefined are left out, `-0` is written `0`. `__proto__` and keys that look like integers are keys like any other.
 * Throws a CanonicalJsonError for anything else: other numbers, lone surrogates, what JSON cannot carry, nesting without end.
 *
 * https://spec.matrix.org/v1.19/appendices/#canonical-json
 */
export function encodeCanonicalJson(value: unknown): string {
  return encode(value, true);
}

/**
 * As {@link encodeCanonicalJson}, but floats and integers beyond 2^53 are written as JavaScript writes them, because events of room
 * versions 1 to 5 may hold them, and numbers of `parseExactJson` as that has them;
 * https://spec.matrix.org/v1.19/rooms/v1/#canonical-json
 */
export function encodeLenientCanonicalJson(value: unknown): string {
  return encode(value, false);
}

export type CanonicalJsonEncoder = typeof encodeCanonicalJson;

function encode(value: unknown, strict: boolean): string {
  const verdict = inspect(value, strict, maxJsonDepth);
  if (verdict === faulty) throw faultIn(value, strict);
  // The engine's writer is several times faster than any of ours, so it gets whatever can be brought into the right order as objects.
  const text = verdict === unorderable ? write(value) : JSON.stringify(verdict === unordered ? inKeyOrder(value) : value);
  // The engine escapes a lone surrogate as \ud800 … \udfff; the same letters after an escaped backslash are innocent.
  if (text.includes('\\ud') && findFault(value, strict)) throw faultIn(value, strict);
  return text;
}

function faultIn(value: unknown, strict: boolean): CanonicalJsonError {
  const fault = findFault(value, strict);
  return new CanonicalJsonError(fault?.reason ?? 'cannot be written as JSON', fault?.path ?? '');
}

/** What stands between a value and the engine's writer; the worst of its parts counts. */
type Verdict = 0 | 1 | 2 | 3;
/** Nothing: our own events, and those of servers that sort. */
const inOrder = 0;
/** A copy with its members added in order will do. */
const unordered = 1;
/** JavaScript orders some members itself: keys that look like integers come first, by value. */
const unorderable = 2;
const faulty = 3;

function inspect(value: unknown, strict: boolean, depth: number): Verdict {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return inOrder;
    case 'number':
      return (strict ? Number.isSafeInteger(value) : Number.isFinite(value)) ? inOrder : faulty;
    case 'object':
      if (value === null) return inOrder;
      if (depth === 0) return faulty;
      if (isExactNumber(value)) return strict ? faulty : inOrder;
      return Array.isArray(value) ? inspectArray(value, strict, depth) : inspectObject(value, strict, depth);
    default:
      return faulty;
  }
}

function inspectArray(array: unknown[], strict: boolean, depth: number): Verdict {
  let worst: Verdict = inOrder;
  for (const item of array) {
    const verdict = inspect(item, strict, depth - 1);
    if (verdict > worst) worst = verdict;
  }
  return worst;
}

function inspectObject(object: object, strict: boolean, depth: number): Verdict {
  let worst: Verdict = inOrder;
  let sorted = true;
  let startsWithDigit = false;
  let previous: string | undefined;
  for (const key of Object.keys(object)) {
    const member = (object as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (sorted && previous !== undefined && codePointOrder(previous, key) > 0) sorted = false;
    previous = key;
    startsWithDigit ||= key >= '0' && key < ':';
    const verdict = inspect(member, strict, depth - 1);
    if (verdict > worst) worst = verdict;
  }
  if (sorted) return worst;
  const own = startsWithDigit ? unorderable : unordered;
  return worst > own ? worst : own;
}

/** An equal value whose members were added in order. Only for what was found `unordered`. */
function inKeyOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || isExactNumber(value)) return value;
  if (Array.isArray(value)) return value.map(inKeyOrder);
  const copy: Record<string, unknown> = {};
  for (const key of sortedKeys(value)) setOwn(copy, key, inKeyOrder((value as Record<string, unknown>)[key]));
  return copy;
}

/** Writes any value that has no fault. */
function write(value: unknown): string {
  if (typeof value !== 'object' || value === null || isExactNumber(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;

  let text = '';
  for (const key of sortedKeys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${write(member)}`;
  }
  return `{${text}}`;
}

function sortedKeys(object: object): string[] {
  return Object.keys(object).sort(codePointOrder);
}
