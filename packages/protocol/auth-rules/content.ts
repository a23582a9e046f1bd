import type { Json, JsonObject } from '../events/pdu.ts';

/** A property of what a stranger wrote, or undefined; never one that JavaScript's own objects bring along, such as `constructor`. */
export function property(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** A property where it is a string, otherwise undefined. */
export function stringProperty(object: JsonObject, name: string): string | undefined {
  const value = property(object, name);
  return typeof value === 'string' ? value : undefined;
}

/** Whether a JSON value is an object: not null, not an array. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
