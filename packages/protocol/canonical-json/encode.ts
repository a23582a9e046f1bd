import { CanonicalJsonError } from './canonical-json-error.ts';
import { codePointOrder } from './code-point-order.ts';
import { findFault, maxJsonDepth } from './fault.ts';

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
 * versions 1 to 5 may hold them; https://spec.matrix.org/v1.19/rooms/v1/#canonical-json
 */
export function encodeLenientCanonicalJson(value: unknown): string {
  return encode(value, false);
}

export type CanonicalJsonEncoder = typeof encodeCanonicalJson;

const inOrder = 0;
const unordered = 1;
const faulty = 2;

function encode(value: unknown, strict: boolean): string {
  // Most values are in order already (our own events, and those of servers that sort), and the engine's writer is faster than ours.
  const verdict = inspect(value, strict, maxJsonDepth);
  if (verdict === faulty) throw faultIn(value, strict);
  const text = verdict === inOrder ? JSON.stringify(value) : write(value);
  // The engine escapes a lone surrogate as \ud800 … \udfff; the same letters after an escaped backslash are innocent.
  if (text.includes('\\ud') && findFault(value, strict)) throw faultIn(value, strict);
  return text;
}

function faultIn(value: unknown, strict: boolean): CanonicalJsonError {
  const fault = findFault(value, strict);
  return new CanonicalJsonError(fault?.reason ?? 'cannot be written as JSON', fault?.path ?? '');
}

function inspect(value: unknown, strict: boolean, depth: number): number {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return inOrder;
    case 'number':
      return (strict ? Number.isSafeInteger(value) : Number.isFinite(value)) ? inOrder : faulty;
    case 'object':
      if (value === null) return inOrder;
      if (depth === 0) return faulty;
      return Array.isArray(value) ? inspectArray(value, strict, depth) : inspectObject(value, strict, depth);
    default:
      return faulty;
  }
}

function inspectArray(array: unknown[], strict: boolean, depth: number): number {
  let worst = inOrder;
  for (const item of array) {
    const verdict = inspect(item, strict, depth - 1);
    if (verdict > worst) worst = verdict;
  }
  return worst;
}

function inspectObject(object: object, strict: boolean, depth: number): number {
  let worst = inOrder;
  let previous: string | undefined;
  for (const key of Object.keys(object)) {
    const member = (object as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (previous !== undefined && worst === inOrder && codePointOrder(previous, key) > 0) worst = unordered;
    previous = key;
    const verdict = inspect(member, strict, depth - 1);
    if (verdict > worst) worst = verdict;
  }
  return worst;
}

/** Writes a value that has been inspected. */
function write(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;

  let text = '';
  for (const key of Object.keys(value).sort(codePointOrder)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${write(member)}`;
  }
  return `{${text}}`;
}
