import type { ByteCache } from '../../platform/cache/index.ts';
import type { Db } from '../../platform/database/index.ts';
import type { MadeNode } from './built-state.ts';
import { decodeNode, decodeRoot } from './state-node-codec.ts';
import {
  emptyRoot,
  emptyState,
  type NodeId,
  type NodeSource,
  type RootNode,
  type StateNode,
  type StateRoot,
} from './state-node.ts';
import { loadNodes } from './state-nodes.store.ts';

/** A promise only where the answer is not at hand. `await` takes both; a hot path looks for itself (`instanceof Promise`). */
export type Maybe<T> = T | Promise<T>;

/** Keeps decoded nodes of all rooms within a budget of bytes, at the cost that `stateNodeBytes` gives. */
export type NodeCache = ByteCache<NodeId, StateNode | RootNode>;

/** A source that also gives roots. */
export interface NodeReader extends NodeSource {
  root(id: StateRoot): RootNode | undefined;
}

/** The database does not have a node that a state needs: it is damaged, or the state was collected while still in use. */
export class MissingStateError extends Error {
  override readonly name = 'MissingStateError';
}

/** Reads nodes from memory, and from the database what is not there. */
export class StateReader {
  readonly #db: Db;
  readonly #cache: NodeCache;
  /** By room: nodes in writes that are yet to be committed. */
  readonly #waiting = new Map<number, Map<NodeId, MadeNode>>();

  constructor(db: Db, cache: NodeCache) {
    this.#db = db;
    this.#cache = cache;
  }

  /**
   * Runs `step` with what is in memory. As long as it misses nodes, fetches all that it missed and runs it again: a level of the
   * tree each time, so a question of any size takes as many round trips as the tree has levels.
   */
  read<T>(room: number, made: readonly ReadonlyMap<NodeId, MadeNode>[], step: (source: NodeReader) => T): Maybe<T> {
    const source = new Reading(this.#cache, this.#waiting.get(room), made);
    const answer = step(source);
    return source.missed.size === 0 ? answer : this.#readOn(room, source, step);
  }

  /** Makes the nodes of a write readable before its commit. */
  startWaiting(room: number, made: ReadonlyMap<NodeId, MadeNode>): void {
    let waiting = this.#waiting.get(room);
    if (waiting === undefined) this.#waiting.set(room, (waiting = new Map<NodeId, MadeNode>()));
    for (const [id, node] of made) waiting.set(id, node);
  }

  /** The write is committed: the database has the nodes now. */
  endWaiting(room: number, made: ReadonlyMap<NodeId, MadeNode>): void {
    const waiting = this.#waiting.get(room);
    if (waiting === undefined) return;
    // A later write may wait with a node of the same name; it is the one to take it away.
    for (const [id, node] of made) if (waiting.get(id) === node) waiting.delete(id);
    if (waiting.size === 0) this.#waiting.delete(room);
  }

  waitingIds(room: number): Iterable<NodeId> {
    return this.#waiting.get(room)?.keys() ?? [];
  }

  forgetRoom(room: number): void {
    this.#waiting.delete(room);
  }

  async #readOn<T>(room: number, source: Reading, step: (source: NodeReader) => T): Promise<T> {
    for (;;) {
      const missed = [...source.missed];
      source.missed.clear();
      for (const { id, body } of await loadNodes(this.#db, room, missed)) {
        const node = source.isRoot(id) ? decodeRoot(body) : decodeNode(body);
        source.fetched.set(id, node);
        this.#cache.set(id, node);
      }
      for (const id of missed) {
        if (!source.fetched.has(id))
          throw new MissingStateError(`room ${room} has no state node ${Buffer.from(id, 'latin1').toString('hex')}`);
      }
      const answer = step(source);
      if (source.missed.size === 0) return answer;
    }
  }
}

class Reading implements NodeReader {
  readonly missed = new Set<NodeId>();
  /** What this reading fetched stays with it, whatever the cache drops meanwhile. */
  readonly fetched = new Map<NodeId, StateNode | RootNode>();
  readonly #roots = new Set<NodeId>();
  readonly #cache: NodeCache;
  readonly #waiting: ReadonlyMap<NodeId, MadeNode> | undefined;
  readonly #made: readonly ReadonlyMap<NodeId, MadeNode>[];

  constructor(
    cache: NodeCache,
    waiting: ReadonlyMap<NodeId, MadeNode> | undefined,
    made: readonly ReadonlyMap<NodeId, MadeNode>[],
  ) {
    this.#cache = cache;
    this.#waiting = waiting;
    this.#made = made;
  }

  node(id: NodeId): StateNode | undefined {
    const node = this.#find(id);
    if (node === undefined) this.missed.add(id);
    return node?.kind === 'root' ? undefined : node;
  }

  root(id: StateRoot): RootNode | undefined {
    if (id === emptyState) return emptyRoot;
    const node = this.#find(id);
    if (node === undefined) {
      this.missed.add(id);
      this.#roots.add(id);
    }
    return node?.kind === 'root' ? node : undefined;
  }

  isRoot(id: NodeId): boolean {
    return this.#roots.has(id);
  }

  #find(id: NodeId): StateNode | RootNode | undefined {
    for (const made of this.#made) {
      const found = made.get(id);
      if (found !== undefined) return found.node;
    }
    return this.#waiting?.get(id)?.node ?? this.fetched.get(id) ?? this.#cache.get(id);
  }
}
