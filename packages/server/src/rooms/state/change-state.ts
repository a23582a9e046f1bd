import {
  comparePlaces,
  deepest,
  digitAt,
  emptyLeaf,
  fanOut,
  leaf,
  leafCapacity,
  type NodeId,
  type NodeSource,
  noNode,
  type StateChange,
  type StateNode,
} from './state-node.ts';

/** What a change needs: the nodes there are, and a name for each node it makes below a root. */
export interface NodeMaker extends NodeSource {
  /** Names a new node at this depth and keeps it for writing. */
  make(node: StateNode, depth: number): NodeId;
}

/** Changes in a leaf's order, each place once; of several changes to one place the last counts. */
export function orderChanges(changes: readonly StateChange[]): StateChange[] {
  const ordered: StateChange[] = [];
  for (const change of [...changes].sort(comparePlaces)) {
    const last = ordered.at(-1);
    if (last !== undefined && comparePlaces(last, change) === 0) ordered.pop();
    ordered.push(change);
  }
  return ordered;
}

/**
 * A trie after some changes (ordered by `orderChanges`), in one pass. The same node comes back where nothing changed.
 * Where the source missed a node the answer is of no use, and nothing of it may be kept.
 */
export function changeNode(maker: NodeMaker, node: StateNode, depth: number, changes: readonly StateChange[]): StateNode {
  if (node.kind === 'leaf') {
    const entries = mergeEntries(node.entries, changes);
    return entries === undefined ? node : nodeOf(maker, entries, depth);
  }
  const changed: (StateNode | undefined)[] = [];
  let count = node.count;
  for (const [digit, below] of byDigit(changes, depth).entries()) {
    if (below === undefined) continue;
    const name = node.children[digit] as NodeId;
    const child = name === noNode ? emptyLeaf : maker.node(name);
    if (child === undefined) continue;
    const after = changeNode(maker, child, depth + 1, below);
    if (after === child) continue;
    changed[digit] = after;
    count += after.count - child.count;
  }
  if (changed.length === 0) return node;
  if (count <= leafCapacity) return gather(maker, node.children, changed);
  const children = node.children.map((name, digit) => {
    const after = changed[digit];
    if (after === undefined) return name;
    return after.count === 0 ? noNode : maker.make(after, depth + 1);
  });
  return { kind: 'branch', count, children };
}

/** The canonical node of these entries: a leaf, or a branch with all that is below it. */
function nodeOf(maker: NodeMaker, entries: readonly number[], depth: number): StateNode {
  const count = entries.length / 3;
  if (count <= leafCapacity || depth === deepest) return count === 0 ? emptyLeaf : leaf(entries);
  const groups: number[][] = Array.from({ length: fanOut }, () => []);
  for (let at = 0; at < entries.length; at += 3) {
    (groups[digitAt(depth, entries[at] as number, entries[at + 1] as number)] as number[]).push(
      entries[at] as number,
      entries[at + 1] as number,
      entries[at + 2] as number,
    );
  }
  const children = groups.map((group) => (group.length === 0 ? noNode : maker.make(nodeOf(maker, group, depth + 1), depth + 1)));
  return { kind: 'branch', count, children };
}

/** One leaf of a branch that has become small enough: its children have no more, so each of them is a leaf already. */
function gather(maker: NodeMaker, names: readonly NodeId[], changed: readonly (StateNode | undefined)[]): StateNode {
  const all: { type: number; stateKey: number; event: number }[] = [];
  for (const [digit, name] of names.entries()) {
    const child = changed[digit] ?? (name === noNode ? undefined : maker.node(name));
    if (child?.kind !== 'leaf') continue;
    const { entries } = child;
    for (let at = 0; at < entries.length; at += 3) {
      all.push({ type: entries[at] as number, stateKey: entries[at + 1] as number, event: entries[at + 2] as number });
    }
  }
  if (all.length === 0) return emptyLeaf;
  return leaf(all.sort(comparePlaces).flatMap(({ type, stateKey, event }) => [type, stateKey, event]));
}

/** Both are ordered. Undefined where no change changes anything. */
function mergeEntries(entries: readonly number[], changes: readonly StateChange[]): number[] | undefined {
  const merged: number[] = [];
  let different = false;
  let at = 0;
  for (const { type, stateKey, event } of changes) {
    while (
      at < entries.length &&
      ((entries[at] as number) < type || (entries[at] === type && (entries[at + 1] as number) < stateKey))
    ) {
      merged.push(entries[at] as number, entries[at + 1] as number, entries[at + 2] as number);
      at += 3;
    }
    const isThere = entries[at] === type && entries[at + 1] === stateKey;
    const before = isThere ? entries[at + 2] : undefined;
    if (isThere) at += 3;
    if (event !== before) different = true;
    if (event !== undefined) merged.push(type, stateKey, event);
  }
  if (!different) return undefined;
  for (; at < entries.length; at++) merged.push(entries[at] as number);
  return merged;
}

function byDigit(changes: readonly StateChange[], depth: number): (StateChange[] | undefined)[] {
  const groups: (StateChange[] | undefined)[] = [];
  for (const change of changes) (groups[digitAt(depth, change.type, change.stateKey)] ??= []).push(change);
  return groups;
}
