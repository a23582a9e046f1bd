import type { Json, JsonObject } from '../events/pdu.ts';

/** Whether the value is a JSON object: neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object's own member of that name; never what every object inherits, such as `constructor`. */
export function own(object: JsonObject, key: string): Json | undefined;
export function own(object: Readonly<Record<string, unknown>>, key: string): unknown;
export function own(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets the object's own member of that name, `__proto__` included, which a plain assignment would take for the prototype. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}
