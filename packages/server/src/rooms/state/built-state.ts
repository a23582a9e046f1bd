import { hash } from 'node:crypto';

import { ByteWriter } from '../../platform/binary/index.ts';
import type { Tx } from '../../platform/database/index.ts';
import type { NodeMaker } from './change-state.ts';
import { encodeNode, encodeRoot, nodeIdBytes } from './state-node-codec.ts';
import { emptyState, type NodeId, type NodeSource, type RootNode, type StateNode, type StateRoot } from './state-node.ts';

/** A node that was made here, with the body that is to be stored. */
export interface MadeNode {
  readonly node: StateNode | RootNode;
  readonly body: Uint8Array;
}

/**
 * A state that was computed and is not stored yet. Wherever a state is asked for, a built state may stand for it; once
 * `writeTo` was called, its root may.
 */
export interface BuiltState {
  readonly root: StateRoot;
  /** Everything below the root that may not be in the database. */
  readonly made: ReadonlyMap<NodeId, MadeNode>;
  /**
   * Stores it together with whatever else `tx` does; from then on the root can be read, although the commit is yet to come.
   * Should the write fail, call `StateTree.forgetRoom`.
   */
  writeTo(tx: Tx): void;
}

/** A source that also makes nodes, naming each by a keyed hash of the room and its body. */
export class StateBuilder implements NodeMaker {
  readonly made: Map<NodeId, MadeNode>;
  readonly #source: NodeSource;
  readonly #naming: NodeNaming;
  readonly #room: number;

  constructor(source: NodeSource, naming: NodeNaming, room: number, made: Iterable<readonly [NodeId, MadeNode]>) {
    this.#source = source;
    this.#naming = naming;
    this.#room = room;
    this.made = new Map(made);
  }

  node(id: NodeId): StateNode | undefined {
    return this.#source.node(id);
  }

  make(node: StateNode, depth: number): NodeId {
    const { id, body } = this.#naming.name(this.#room, (writer) => encodeNode(writer, node, depth));
    this.made.set(id, { node, body });
    return id;
  }

  makeRoot(root: RootNode): StateRoot {
    if (root.members.count + root.others.count === 0) return emptyState;
    const { id, body } = this.#naming.name(this.#room, (writer) => encodeRoot(writer, root));
    this.made.set(id, { node: root, body });
    return id as StateRoot;
  }
}

/**
 * Names nodes. The hash is keyed with a secret of the database, so that nobody who may choose a room's events can look for
 * two bodies with the same name.
 */
export class NodeNaming {
  readonly #writer = new ByteWriter();
  readonly #secretLength: number;

  constructor(secret: Uint8Array) {
    this.#writer.raw(secret);
    this.#secretLength = secret.length;
  }

  /** Runs `encode` and names what it wrote. */
  name(room: number, encode: (writer: ByteWriter) => void): { id: NodeId; body: Uint8Array } {
    const writer = this.#writer;
    writer.reset(this.#secretLength);
    writer.varint(room);
    const start = writer.length;
    encode(writer);
    const id = hash('sha256', writer.view(), 'latin1').slice(0, nodeIdBytes) as NodeId;
    return { id, body: writer.bytes(start) };
  }
}
