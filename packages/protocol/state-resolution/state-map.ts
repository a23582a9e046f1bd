import type { EventId } from '../identifiers/index.ts';

/** A (type, state key) pair as one string, made by {@link stateMapKey}; different pairs make different strings. */
export type StateMapKey = string & { readonly __brand: 'StateMapKey' };

/** The state of a room: which event stands for each (type, state key). */
export type StateMap = ReadonlyMap<StateMapKey, EventId>;

/**
 * The key of a (type, state key) pair. The length of the type leads, because both halves are chosen by strangers and no separator
 * is safe from them.
 */
export function stateMapKey(type: string, stateKey: string): StateMapKey {
  return `${type.length}:${type}${stateKey}` as StateMapKey;
}

/** The pair that a key was made of. */
export function splitStateMapKey(key: StateMapKey): [type: string, stateKey: string] {
  const colon = key.indexOf(':');
  const end = colon + 1 + Number(key.slice(0, colon));
  return [key.slice(colon + 1, end), key.slice(end)];
}
