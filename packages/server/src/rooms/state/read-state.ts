import {
  digitAt,
  emptyLeaf,
  fanOut,
  leaf,
  type NodeId,
  type NodeSource,
  noNode,
  type RootNode,
  type StateDifference,
  type StateEntry,
  type StateNode,
} from './state-node.ts';

/** The event at a place of a trie, or undefined. */
export function findEvent(source: NodeSource, top: StateNode, type: number, stateKey: number): number | undefined {
  let node: StateNode | undefined = top;
  for (let depth = 0; node?.kind === 'branch'; depth++) {
    const child: NodeId = node.children[digitAt(depth, type, stateKey)] as NodeId;
    if (child === noNode) return undefined;
    node = source.node(child);
  }
  if (node === undefined) return undefined;
  const { entries } = node;
  for (let at = 0; at < entries.length; at += 3) if (entries[at + 1] === stateKey && entries[at] === type) return entries[at + 2];
  return undefined;
}

/** Appends all entries of a trie to `into`, in the trie's order. */
export function collectEntries(source: NodeSource, node: StateNode, into: StateEntry[]): void {
  if (node.kind === 'leaf') {
    const { entries } = node;
    for (let at = 0; at < entries.length; at += 3) {
      into.push({ type: entries[at] as number, stateKey: entries[at + 1] as number, event: entries[at + 2] as number });
    }
    return;
  }
  for (const child of node.children) {
    if (child === noNode) continue;
    const below = source.node(child);
    if (below !== undefined) collectEntries(source, below, into);
  }
}

/** Where two states of one room differ, in no particular order. Looks only at nodes that are not shared. */
export function diffRoots(source: NodeSource, before: RootNode, after: RootNode): StateDifference[] {
  const found: StateDifference[] = [];
  diffNodes(source, before.others, after.others, 0, found);
  diffNodes(source, before.members, after.members, 0, found);
  return found;
}

function diffNodes(source: NodeSource, before: StateNode, after: StateNode, depth: number, found: StateDifference[]): void {
  if (before === after) return;
  if (before.kind === 'leaf' && after.kind === 'leaf') return diffLeaves(before.entries, after.entries, found);
  for (let digit = 0; digit < fanOut; digit++) {
    // The same name is the same subtree.
    if (before.kind === 'branch' && after.kind === 'branch' && before.children[digit] === after.children[digit]) continue;
    const [left, right] = [childAt(source, before, digit, depth), childAt(source, after, digit, depth)];
    if (left !== undefined && right !== undefined) diffNodes(source, left, right, depth + 1, found);
  }
}

/** A branch's child; of a leaf, what it would pass to that child if it were a branch. */
function childAt(source: NodeSource, node: StateNode, digit: number, depth: number): StateNode | undefined {
  if (node.kind === 'branch') {
    const child = node.children[digit] as NodeId;
    return child === noNode ? emptyLeaf : source.node(child);
  }
  const { entries } = node;
  const below: number[] = [];
  for (let at = 0; at < entries.length; at += 3) {
    if (digitAt(depth, entries[at] as number, entries[at + 1] as number) === digit)
      below.push(entries[at] as number, entries[at + 1] as number, entries[at + 2] as number);
  }
  return leaf(below);
}

function diffLeaves(before: readonly number[], after: readonly number[], found: StateDifference[]): void {
  let left = 0;
  let right = 0;
  while (left < before.length || right < after.length) {
    const order = comparePlacesAt(before, left, after, right);
    const [type, stateKey] =
      order <= 0 ? [before[left] as number, before[left + 1] as number] : [after[right] as number, after[right + 1] as number];
    const old = order <= 0 ? before[left + 2] : undefined;
    const now = order >= 0 ? after[right + 2] : undefined;
    if (old !== now) found.push({ type, stateKey, before: old, after: now });
    if (order <= 0) left += 3;
    if (order >= 0) right += 3;
  }
}

function comparePlacesAt(a: readonly number[], atA: number, b: readonly number[], atB: number): number {
  if (atA >= a.length) return 1;
  if (atB >= b.length) return -1;
  return (a[atA] as number) - (b[atB] as number) || (a[atA + 1] as number) - (b[atB + 1] as number);
}
