import type { Database, WriteLane } from '../../platform/database/index.ts';
import { decodeNode, decodeRoot } from './state-node-codec.ts';
import { emptyState, type NodeId, noNode, type StateNode, type StateRoot } from './state-node.ts';
import { deleteNodes, listNodes, loadNodes } from './state-nodes.store.ts';

interface CollectionOptions {
  readonly database: Database;
  readonly room: number;
  /** Nodes whose write is yet to be committed. */
  readonly waiting: Iterable<NodeId>;
  /** Called with the names of nodes just before they are deleted. */
  readonly forget: (ids: readonly NodeId[]) => void;
  readonly ended: () => void;
}

/**
 * Takes out of one room's nodes what no owned state needs: first `mark` every root that something owns, in as many calls as
 * wanted, then call `sweep` until it says that it is done. The room goes on meanwhile: what it writes after the collection began is
 * kept, so it is enough to list the owned roots as they are once it has begun.
 */
export class NodeCollection {
  readonly #options: CollectionOptions;
  /** Owned, and everything below is marked too. Exact, not a filter: a node mistaken for a marked one would lose what is below it. */
  readonly #marked = new Set<NodeId>();
  /** Written since the beginning: to stay, but what is below them has to be marked through an owned root. */
  readonly #written: Set<NodeId>;
  #sweptTo: NodeId = noNode;
  #ended = false;

  constructor(options: CollectionOptions) {
    this.#options = options;
    this.#written = new Set(options.waiting);
  }

  /** Keeps these states. Reads each node below them that was not marked yet, `stepSize` at a time. */
  async mark(roots: Iterable<StateRoot>, stepSize = 1_000): Promise<void> {
    const { database, room } = this.#options;
    const rootIds = [...new Set(roots)].filter((root) => root !== emptyState && !this.#marked.has(root));
    const toVisit: NodeId[] = [];
    const visit = (node: StateNode): void => {
      if (node.kind === 'leaf') return;
      for (const child of node.children) {
        if (child === noNode || this.#marked.has(child)) continue;
        this.#marked.add(child);
        toVisit.push(child);
      }
    };
    for (let from = 0; from < rootIds.length; from += stepSize) {
      for (const { id, body } of await loadNodes(database, room, rootIds.slice(from, from + stepSize))) {
        this.#marked.add(id);
        const root = decodeRoot(body);
        visit(root.others);
        visit(root.members);
      }
      while (toVisit.length > 0) {
        for (const { body } of await loadNodes(database, room, toVisit.splice(-stepSize))) visit(decodeNode(body));
      }
    }
  }

  /** Keeps nodes that were made since the collection began; what lies below them is either among them or owned. */
  keep(ids: Iterable<NodeId>): void {
    for (const id of ids) this.#written.add(id);
  }

  /**
   * Looks at the next `limit` nodes of the room and deletes those that nothing needs. Returns how many went and whether that was
   * all. `lane` is the room's: a node may be deleted and made again, and the two must reach the database in that order.
   */
  async sweep(lane: WriteLane, limit = 1_000): Promise<{ deleted: number; done: boolean }> {
    const { database, room, forget } = this.#options;
    if (this.#ended) throw new Error('this collection has ended');
    const ids = await listNodes(database, room, this.#sweptTo, limit);
    const garbage = ids.filter((id) => !this.#marked.has(id) && !this.#written.has(id));
    forget(garbage);
    await deleteNodes(database, lane, room, garbage);
    this.#sweptTo = ids.at(-1) ?? this.#sweptTo;
    const done = ids.length < limit;
    if (done) this.end();
    return { deleted: garbage.length, done };
  }

  /** Gives up, or is done; the tree may begin another collection of this room. */
  end(): void {
    this.#ended = true;
    this.#options.ended();
  }
}
