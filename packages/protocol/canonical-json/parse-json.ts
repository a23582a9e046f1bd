import type { Json } from '../events/pdu.ts';
import { CanonicalJsonError } from './canonical-json-error.ts';
import { maxJsonDepth } from './max-depth.ts';

/**
 * Parses a stranger's JSON. A key `__proto__` becomes an own property like any other (read with {@link own}, write with
 * {@link setOwn}); of two equal keys the last wins. Throws a SyntaxError where the text is no JSON, a CanonicalJsonError where it is
 * nested too deep for the functions that will walk it.
 */
export function parseJson(text: string, { maxDepth = maxJsonDepth }: { maxDepth?: number } = {}): Json {
  const value = JSON.parse(text) as Json;
  if (!isWithinDepth(value, maxDepth)) throw new CanonicalJsonError(`is nested deeper than ${maxDepth} levels`, '');
  return value;
}

function isWithinDepth(value: Json, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isWithinDepth(item, depth - 1)) return false;
    return true;
  }
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member !== undefined && !isWithinDepth(member, depth - 1)) return false;
  }
  return true;
}
