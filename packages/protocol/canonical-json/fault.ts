import { isExactNumber } from './exact-numbers.ts';
import { maxJsonDepth } from './max-depth.ts';

export interface JsonFault {
  readonly path: string;
  readonly reason: string;
}

/** The first thing in a value that canonical JSON forbids. Slow and thorough; for values known to be at fault, and for explaining why. */
export function findFault(value: unknown, strict: boolean, path = '', depth = maxJsonDepth): JsonFault | undefined {
  switch (typeof value) {
    case 'boolean':
      return undefined;
    case 'string':
      return value.isWellFormed() ? undefined : { path, reason: 'has a lone surrogate' };
    case 'number':
      if (!Number.isFinite(value)) return { path, reason: 'is not a finite number' };
      if (!strict || Number.isSafeInteger(value)) return undefined;
      return { path, reason: Number.isInteger(value) ? 'is an integer beyond ±(2^53 − 1)' : 'is not an integer' };
    case 'object':
      if (value === null) return undefined;
      if (depth === 0) return { path: '', reason: `is nested deeper than ${maxJsonDepth} levels` };
      if (isExactNumber(value)) return strict ? { path, reason: 'is a float or an integer beyond ±(2^53 − 1)' } : undefined;
      return Array.isArray(value) ? faultInArray(value, strict, path, depth) : faultInObject(value, strict, path, depth);
    default:
      return { path, reason: `is of type ${typeof value}, which JSON does not have` };
  }
}

function faultInArray(array: unknown[], strict: boolean, path: string, depth: number): JsonFault | undefined {
  for (const [at, item] of array.entries()) {
    const fault = findFault(item, strict, `${path}[${at}]`, depth - 1);
    if (fault) return fault;
  }
  return undefined;
}

function faultInObject(object: object, strict: boolean, path: string, depth: number): JsonFault | undefined {
  for (const [key, member] of Object.entries(object)) {
    if (member === undefined) continue;
    if (!key.isWellFormed()) return { path, reason: 'has a key with a lone surrogate' };
    const fault = findFault(member, strict, path === '' ? key : `${path}.${key}`, depth - 1);
    if (fault) return fault;
  }
  return undefined;
}
