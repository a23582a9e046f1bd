import type { Json, JsonObject } from '../events/pdu.ts';
import { parsePropertyPath } from '../globs/index.ts';

/** The properties to keep: all of a value, or some of an object's members. */
type Kept = 'all' | Map<string, Kept>;

/**
 * Makes a function that keeps only the named properties of an event; undefined where whole events are wanted.
 * Paths that the event does not have are passed over.
 * https://spec.matrix.org/v1.19/client-server-api/#filtering
 */
export function compileEventFields(paths: readonly string[] | undefined): ((event: JsonObject) => JsonObject) | undefined {
  if (paths === undefined) return undefined;
  const kept = new Map<string, Kept>();
  for (const path of paths) keep(kept, parsePropertyPath(path));
  return (event) => project(event, kept);
}

function keep(tree: Map<string, Kept>, [name, ...rest]: readonly string[]): void {
  if (name === undefined) return;
  const present = tree.get(name);
  if (rest.length === 0 || present === 'all') {
    tree.set(name, 'all');
    return;
  }
  const branch = present ?? new Map<string, Kept>();
  tree.set(name, branch);
  keep(branch, rest);
}

function project(object: JsonObject, tree: ReadonlyMap<string, Kept>): JsonObject {
  const entries: [string, Json][] = [];
  for (const [name, kept] of tree) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    if (value === undefined) continue;
    if (kept === 'all') {
      entries.push([name, value]);
    } else if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      const part = project(value, kept);
      if (Object.keys(part).length > 0) entries.push([name, part]);
    }
  }
  // fromEntries makes own properties of all names, `__proto__` too.
  return Object.fromEntries(entries);
}
