/**
 * The shape of a state tree. A room's state maps (type, state key) to an event, all three as interned numbers.
 *
 * A root holds two tries: `members` for `m.room.member`, which may have a hundred thousand entries, and `others` for everything
 * else, which rarely has more than thirty. Apart, the common questions stay cheap at any size of the room: what authorisation and
 * invitations need, and the state of a client that loads members lazily, stand in the root itself; a member's change rewrites
 * one path of `members`.
 *
 * A trie's node is a leaf exactly when it has at most `leafCapacity` entries (or no digits are left), and a branch of eight
 * children otherwise, so its form depends on what it holds and not on how it came about: equal states have equal roots.
 */
export type StateNode = Leaf | Branch;

/** Names a stored node: the first bytes of a keyed hash of room and body, one character a byte. */
export type NodeId = string & { readonly __brand: 'NodeId' };

/** Names a whole state. Two states of one room are equal exactly when their roots are. */
export type StateRoot = NodeId & { readonly __root: true };

export interface Leaf {
  readonly kind: 'leaf';
  readonly count: number;
  /** Type, state key, event; type, state key, event; … ordered by type, then state key. */
  readonly entries: readonly number[];
}

export interface Branch {
  readonly kind: 'branch';
  readonly count: number;
  /** Eight; `noNode` where nothing is below. */
  readonly children: readonly NodeId[];
}

export interface RootNode {
  readonly kind: 'root';
  readonly others: StateNode;
  readonly members: StateNode;
}

/** One place of the state: interned type and state key, each from 0 to 2^52 − 1. */
export interface StateKey {
  readonly type: number;
  readonly stateKey: number;
}

export interface StateEntry extends StateKey {
  /** The event's number, within ±(2^52 − 1). */
  readonly event: number;
}

/** `event` undefined takes the place out of the state. */
export interface StateChange extends StateKey {
  readonly event: number | undefined;
}

/** Where two states differ: the event on each side, undefined where that side has none. */
export interface StateDifference extends StateKey {
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/**
 * Gives nodes by name. Undefined means "not at hand": the source takes a note, the asking function carries on with what it has,
 * and its caller fetches all that was missed at once and asks again.
 */
export interface NodeSource {
  node(id: NodeId): StateNode | undefined;
}

export const noNode = '' as NodeId;
/** The state before a room's first event. It is stored nowhere. */
export const emptyState = '' as StateRoot;

export const fanOut = 8;
const bitsPerDigit = 3;
/** A leaf at this depth may be larger than `leafCapacity`: the path has no digits left. */
export const deepest = 10;
/**
 * Measured with `bench/state-tree.ts`: 12 costs large rooms up to 4 % more on disk, 32 saves nothing more; 24 also keeps the settings
 * of nearly every room, and all of a small one, in the root itself.
 */
export const leafCapacity = 24;

export const emptyLeaf: Leaf = { kind: 'leaf', count: 0, entries: [] };
export const emptyRoot: RootNode = { kind: 'root', others: emptyLeaf, members: emptyLeaf };

export function leaf(entries: readonly number[]): Leaf {
  return { kind: 'leaf', count: entries.length / 3, entries };
}

/**
 * Which of a branch's children leads to a place. The digits are the low bits of the state key, moved by the type: interned numbers
 * count upwards, so their low bits are spread evenly without a hash, and the state keys of one type in a leaf differ by
 * multiples of 8^depth, which their encoding leaves out.
 */
export function digitAt(depth: number, type: number, stateKey: number): number {
  return ((stateKey + Math.imul(type, 0x9e3779b1)) >>> (bitsPerDigit * depth)) & (fanOut - 1);
}

/** What all state keys of one type in a node at this depth are congruent by. */
export function strideAt(depth: number): number {
  return 2 ** (bitsPerDigit * depth);
}

/** Below zero where the first place comes first in a leaf. */
export function comparePlaces(a: StateKey, b: StateKey): number {
  return a.type - b.type || a.stateKey - b.stateKey;
}

/** A rough size in memory, in bytes: the cost for the cache that holds decoded nodes. */
export function stateNodeBytes(node: StateNode | RootNode): number {
  if (node.kind === 'root') return 80 + stateNodeBytes(node.others) + stateNodeBytes(node.members);
  return node.kind === 'leaf' ? 120 + 8 * node.entries.length : 120 + fanOut * 40;
}
