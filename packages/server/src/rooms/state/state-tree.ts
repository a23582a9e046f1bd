import type { Database, Tx } from '../../platform/database/index.ts';
import { type BuiltState, type MadeNode, NodeNaming, StateBuilder } from './built-state.ts';
import { changeNode, orderChanges } from './change-state.ts';
import { NodeCollection } from './collect-nodes.ts';
import { type Maybe, type NodeCache, type NodeReader, StateReader } from './node-reader.ts';
import { collectEntries, diffRoots, findEvent } from './read-state.ts';
import {
  type NodeId,
  type RootNode,
  type StateChange,
  type StateDifference,
  type StateEntry,
  type StateKey,
  type StateRoot,
} from './state-node.ts';
import { putNodes } from './state-nodes.store.ts';

/** A state: the root of one that is stored, or one that was built and is not stored yet. */
export type State = StateRoot | BuiltState;

/** Which entries of a state are wanted. Members apart from the rest cost nothing; one type of the rest is a scan of the rest. */
export type StatePart = 'all' | 'members' | 'others';

export interface StateTreeOptions {
  readonly database: Database;
  readonly cache: NodeCache;
  /** 16 bytes or more, the same for the life of the database; it keys the names of nodes. */
  readonly secret: Uint8Array;
  /** The interned number of `m.room.member`, the same for the life of the database: trees are built around it. */
  readonly memberType: number;
}

/**
 * The states of all rooms, as persistent maps with shared structure (`state-node.ts` has their form).
 *
 * What a function returns is a promise only where nodes must come from the database; with the nodes at hand the answer is there at
 * once. All changes of one room come from the one process that holds the room, in the room's turn.
 */
export class StateTree {
  readonly #options: StateTreeOptions;
  readonly #reader: StateReader;
  readonly #naming: NodeNaming;
  readonly #collections = new Map<number, NodeCollection>();

  constructor(options: StateTreeOptions) {
    this.#options = options;
    this.#reader = new StateReader(options.database, options.cache);
    this.#naming = new NodeNaming(options.secret);
  }

  /** The event at one place of a state, or undefined. */
  get(room: number, state: State, key: StateKey): Maybe<number | undefined> {
    return this.#read(room, [state], (source) => this.#find(source, source.root(rootOf(state)), key));
  }

  /** The events at several places of a state, undefined where there is none; nodes are fetched together. */
  getMany(room: number, state: State, keys: readonly StateKey[]): Maybe<(number | undefined)[]> {
    return this.#read(room, [state], (source) => {
      const root = source.root(rootOf(state));
      return keys.map((key) => this.#find(source, root, key));
    });
  }

  /** All entries of a state, or of a part of it, in no particular order. */
  entries(room: number, state: State, part: StatePart = 'all'): Maybe<StateEntry[]> {
    return this.#read(room, [state], (source) => {
      const root = source.root(rootOf(state));
      const found: StateEntry[] = [];
      if (root !== undefined && part !== 'members') collectEntries(source, root.others, found);
      if (root !== undefined && part !== 'others') collectEntries(source, root.members, found);
      return found;
    });
  }

  /** All entries of one type. Any type but `m.room.member` is looked for among everything that is not a member. */
  entriesOfType(room: number, state: State, type: number): Maybe<StateEntry[]> {
    if (type === this.#options.memberType) return this.entries(room, state, 'members');
    const found = this.entries(room, state, 'others');
    const ofType = (entries: StateEntry[]): StateEntry[] => entries.filter((entry) => entry.type === type);
    return found instanceof Promise ? found.then(ofType) : ofType(found);
  }

  /** How many entries a state or a part of it has; reads the root only. */
  size(room: number, state: State, part: StatePart = 'all'): Maybe<number> {
    return this.#read(room, [state], (source) => {
      const root = source.root(rootOf(state));
      if (root === undefined) return 0;
      return (part === 'members' ? 0 : root.others.count) + (part === 'others' ? 0 : root.members.count);
    });
  }

  /** Where two states of one room differ, in no particular order; the work is proportional to the difference. */
  diff(room: number, before: State, after: State): Maybe<StateDifference[]> {
    if (rootOf(before) === rootOf(after)) return [];
    return this.#read(room, [before, after], (source) => {
      const [left, right] = [source.root(rootOf(before)), source.root(rootOf(after))];
      return left === undefined || right === undefined ? [] : diffRoots(source, left, right);
    });
  }

  /**
   * The state after some changes; of several changes to one place the last counts. The result has the same root as any other
   * way to the same entries. Nothing is stored before `writeTo`.
   */
  apply(room: number, state: State, changes: readonly StateChange[]): Maybe<BuiltState> {
    const ordered = changes.length > 1 ? orderChanges(changes) : changes;
    const { memberType } = this.#options;
    const members = ordered.filter((change) => change.type === memberType);
    const others = ordered.filter((change) => change.type !== memberType);
    return this.#read(room, [state], (source) => {
      const before = source.root(rootOf(state));
      const builder = new StateBuilder(source, this.#naming, room, typeof state === 'string' ? [] : state.made);
      if (before === undefined) return this.#built(room, rootOf(state), builder.made);
      const after: RootNode = {
        kind: 'root',
        others: changeNode(builder, before.others, 0, others),
        members: changeNode(builder, before.members, 0, members),
      };
      const isSame = after.others === before.others && after.members === before.members;
      return this.#built(room, isSame ? rootOf(state) : builder.makeRoot(after), builder.made);
    });
  }

  /** Drops what waits for a commit of this room: for after a failed write, when the room is loaded anew. */
  forgetRoom(room: number): void {
    this.#reader.forgetRoom(room);
  }

  /**
   * Begins to take out of a room's nodes what no state needs any more. One at a time for each room; it may go on for long, between
   * the room's other writes.
   */
  startCollection(room: number): NodeCollection {
    if (this.#collections.has(room)) throw new Error(`the states of room ${room} are being collected already`);
    const collection = new NodeCollection({
      database: this.#options.database,
      room,
      waiting: this.#reader.waitingIds(room),
      forget: (ids) => {
        for (const id of ids) this.#options.cache.delete(id);
      },
      ended: () => this.#collections.delete(room),
    });
    this.#collections.set(room, collection);
    return collection;
  }

  #find(source: NodeReader, root: RootNode | undefined, { type, stateKey }: StateKey): number | undefined {
    if (root === undefined) return undefined;
    return findEvent(source, type === this.#options.memberType ? root.members : root.others, type, stateKey);
  }

  #read<T>(room: number, states: readonly State[], step: (source: NodeReader) => T): Maybe<T> {
    const made = states.flatMap((state) => (typeof state === 'string' ? [] : [state.made]));
    return this.#reader.read(room, made, step);
  }

  #built(room: number, root: StateRoot, made: ReadonlyMap<NodeId, MadeNode>): BuiltState {
    return { root, made, writeTo: (tx) => this.#write(tx, room, made) };
  }

  #write(tx: Tx, room: number, made: ReadonlyMap<NodeId, MadeNode>): void {
    putNodes(
      tx,
      room,
      Array.from(made, ([id, { body }]) => ({ id, body })),
    );
    this.#reader.startWaiting(room, made);
    this.#collections.get(room)?.keep(made.keys());
    tx.onCommit(() => {
      this.#reader.endWaiting(room, made);
      for (const [id, { node }] of made) this.#options.cache.set(id, node);
    });
  }
}

/** What names a state, stored or not. */
export function rootOf(state: State): StateRoot {
  return typeof state === 'string' ? state : state.root;
}
