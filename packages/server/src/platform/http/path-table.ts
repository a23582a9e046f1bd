import { invalidParam } from '@myelin/protocol/errors';

/** What stands under one path: a value for each method, and the path's parameters, decoded. */
export interface PathMatch<Value> {
  readonly methods: ReadonlyMap<string, Value>;
  readonly params: Readonly<Record<string, string>>;
}

export interface PathTable<Value> {
  /** Throws an Error when that method of that path is taken: two contracts would fight for it. */
  add(method: string, pattern: string, value: Value): void;
  /** Undefined when no pattern fits. Throws M_INVALID_PARAM when a parameter is no valid percent-encoding of UTF-8. */
  find(path: string): PathMatch<Value> | undefined;
}

interface Node<Value> {
  readonly fixed: Map<string, Node<Value>>;
  variable: Node<Value> | undefined;
  /** The names of the parameters on the way here, by method: contracts need not agree on them. */
  readonly leaves: Map<string, { readonly names: readonly string[]; readonly value: Value }>;
}

/**
 * Finds what stands under a path: a tree of path segments, in which a fixed segment comes before a parameter.
 *
 * Why not the HTTP library's router: Matrix wants 405 with the methods of a known path, a trailing slash and an empty state key
 * to fit, and the endpoints' hundreds of aliases would cost 0.15 s of each start there (measured) against a millisecond here.
 */
export function createPathTable<Value>(): PathTable<Value> {
  const root = createNode<Value>();
  return {
    add(method, pattern, value) {
      const segments = segmentsOf(pattern);
      addTo(root, method, segments, value, pattern);
      // `/state/:eventType/` and `/state/:eventType` mean the empty state key;
      // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
      if (segments.at(-1) === ':stateKey') addTo(root, method, segments.slice(0, -1), value, pattern, ['stateKey']);
    },
    find(path) {
      const values: string[] = [];
      const node = findIn(root, segmentsOf(path), 0, values);
      return node && matchOf(node, values);
    },
  };
}

function createNode<Value>(): Node<Value> {
  return { fixed: new Map(), variable: undefined, leaves: new Map() };
}

// A slash at the end means nothing.
function segmentsOf(path: string): string[] {
  const segments = path.split('/').slice(1);
  if (segments.at(-1) === '') segments.pop();
  return segments;
}

function addTo<Value>(
  root: Node<Value>,
  method: string,
  segments: readonly string[],
  value: Value,
  pattern: string,
  emptyNames: readonly string[] = [],
): void {
  let node = root;
  const names: string[] = [];
  for (const segment of segments) {
    if (segment.startsWith(':')) {
      names.push(segment.slice(1));
      node = node.variable ??= createNode();
    } else {
      let next = node.fixed.get(segment);
      if (!next) node.fixed.set(segment, (next = createNode()));
      node = next;
    }
  }
  const taken = node.leaves.get(method);
  // A contract may list as an alias what it stands under anyway.
  if (taken && taken.value === value) return;
  if (taken) throw new Error(`Two endpoints want ${method} ${pattern}`);
  node.leaves.set(method, { names: [...names, ...emptyNames], value });
}

function findIn<Value>(node: Node<Value>, segments: readonly string[], depth: number, values: string[]): Node<Value> | undefined {
  const segment = segments[depth];
  if (segment === undefined) return node.leaves.size > 0 ? node : undefined;
  const fixed = node.fixed.get(segment);
  const found = fixed && findIn(fixed, segments, depth + 1, values);
  if (found || !node.variable || segment === '') return found;
  values.push(segment);
  const below = findIn(node.variable, segments, depth + 1, values);
  if (!below) values.pop();
  return below;
}

function matchOf<Value>(node: Node<Value>, values: readonly string[]): PathMatch<Value> {
  const methods = new Map<string, Value>();
  const params: Record<string, string> = {};
  for (const [method, { names, value }] of node.leaves) {
    methods.set(method, value);
    names.forEach((name, index) => (params[name] ??= decodeParam(name, values[index] ?? '')));
  }
  return { methods, params };
}

function decodeParam(name: string, encoded: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(encoded);
  } catch (cause) {
    if (cause instanceof URIError) throw invalidParam(`Path parameter ${name} is not valid percent-encoded UTF-8`);
    throw cause;
  }
  // No identifier has it, and PostgreSQL cannot store it.
  if (decoded.includes('\0')) throw invalidParam(`Path parameter ${name} contains a NUL`);
  return decoded;
}
