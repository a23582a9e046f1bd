import type { EventId } from '@myelin/protocol/identifiers';

import { type Database, type Interner, type Tx } from '../../../platform/database/index.ts';
import type { EventStore, PersistBatch, PersistHook, StoredEvent } from '../../../rooms/index.ts';
import { relationOf, type Relation } from '../relation-of.ts';
import type { RelationTypes } from '../relation-types.ts';
import { deleteOrphansOf, deleteRelation, loadOrphans, orphansOf, putOrphan, putRelation } from '../relations.store.ts';
import { putThreadEvent, refreshThread } from '../threads.store.ts';
import type { KnownParents } from './known-parents.ts';

interface IndexNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: { readonly events: Pick<EventStore, 'byId' | 'byNids'> };
}
type Write = (tx: Tx) => void;

/** Orphans that are kept in memory; beyond that the database is asked about each new event. */
const orphansInMemory = 20_000;

/**
 * Keeps the index of relations, in the transactions of the events themselves. A child whose parent is not known waits for it; a
 * redacted child is one no more.
 * https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 */
export class RelationIndex implements PersistHook {
  readonly name = 'relations';
  readonly #needs: IndexNeeds;
  readonly #types: RelationTypes;
  readonly #known: KnownParents;
  /** Children by the parent that they wait for. */
  readonly #awaited = new Map<EventId, Set<number>>();
  #allInMemory = true;

  private constructor(needs: IndexNeeds, types: RelationTypes, known: KnownParents) {
    this.#needs = needs;
    this.#types = types;
    this.#known = known;
  }

  static async open(needs: IndexNeeds, types: RelationTypes, known: KnownParents): Promise<RelationIndex> {
    const index = new RelationIndex(needs, types, known);
    const orphans = await loadOrphans(needs.database, orphansInMemory + 1);
    for (const { parent_id: parentId, child_nid: childNid } of orphans) index.#await(parentId, childNid);
    index.#allInMemory = orphans.length <= orphansInMemory;
    return index;
  }

  prepare(batch: PersistBatch): void | Promise<void | Write> {
    const children = batch.events.filter((event) => mayRelate(event));
    const redacted = batch.redactions.filter(({ target }) => mayRelate(target));
    const awaited = batch.events.some((event) => !this.#allInMemory || this.#awaited.has(event.eventId));
    // Nearly all events end here, at once.
    if (children.length === 0 && redacted.length === 0 && !awaited) return;
    return this.#prepare(batch, children, redacted);
  }

  async #prepare(
    batch: PersistBatch,
    children: readonly StoredEvent[],
    redacted: PersistBatch['redactions'],
  ): Promise<Write | void> {
    const writes: Write[] = [];
    const inBatch = new Map(batch.events.map((event) => [event.eventId, event]));
    for (const child of children) {
      const relation = relationOf(child.content);
      if (!relation) continue;
      const parent = inBatch.get(relation.parentId) ?? (await this.#needs.rooms.events.byId(relation.parentId));
      const write = parent ? await this.#relate(child, relation, parent) : this.#orphan(child, relation);
      if (write) writes.push(write);
    }
    for (const event of batch.events) writes.push(...(await this.#adopt(event)));
    for (const { target } of redacted) {
      const write = await this.#separate(target);
      if (write) writes.push(write);
    }
    if (writes.length === 0) return;
    return (tx) => {
      for (const write of writes) write(tx);
    };
  }

  /** Undefined where the relation breaks the rules: such are as if they were not. */
  async #relate(child: StoredEvent, relation: Relation, parent: StoredEvent): Promise<Write | undefined> {
    const { depth, position } = child;
    if (position === undefined || parent.roomNid !== child.roomNid || parent.nid === child.nid) return undefined;
    const relTypeNid = await this.#needs.names.idOf(relation.relType);
    const isThread = relTypeNid === this.#types.thread;
    // A thread cannot begin at an event that belongs to another one itself.
    if (isThread && relationOf(parent.content)) return undefined;
    const typeNid = await this.#needs.names.idOf(child.type);
    const row = { parentNid: parent.nid, depth, position, childNid: child.nid, relTypeNid, typeNid, senderNid: child.senderNid };
    return (tx) => {
      putRelation(tx, row);
      if (isThread) putThreadEvent(tx, { rootNid: parent.nid, roomNid: parent.roomNid, depth, position });
      tx.onCommit(() => this.#known.becameParent(parent.nid));
    };
  }

  #orphan(child: StoredEvent, { parentId }: Relation): Write {
    // At once: the parent may come in the room's next turn, before this is committed.
    this.#await(parentId, child.nid);
    return (tx) => putOrphan(tx, parentId, child.nid);
  }

  #await(parentId: EventId, childNid: number): void {
    const children = this.#awaited.get(parentId);
    if (children) children.add(childNid);
    else if (this.#awaited.size < orphansInMemory) this.#awaited.set(parentId, new Set([childNid]));
    else this.#allInMemory = false;
  }

  /** An event has come: what waited for it is its child now. */
  async #adopt(parent: StoredEvent): Promise<Write[]> {
    const waiting = new Set(this.#awaited.get(parent.eventId));
    if (!this.#allInMemory) for (const nid of await orphansOf(this.#needs.database, parent.eventId)) waiting.add(nid);
    if (waiting.size === 0) return [];
    this.#awaited.delete(parent.eventId);
    const writes: Write[] = [(tx) => deleteOrphansOf(tx, parent.eventId)];
    for (const child of (await this.#needs.rooms.events.byNids(waiting)).values()) {
      const relation = relationOf(child.content);
      const write = relation?.parentId === parent.eventId ? await this.#relate(child, relation, parent) : undefined;
      if (write) writes.push(write);
    }
    return writes;
  }

  async #separate(child: StoredEvent): Promise<Write | undefined> {
    const relation = relationOf(child.content);
    const parent = relation && (await this.#needs.rooms.events.byId(relation.parentId));
    if (!parent || child.position === undefined) return undefined;
    const at = { parentNid: parent.nid, depth: child.depth, position: child.position };
    return (tx) => {
      deleteRelation(tx, at);
      if (relation.relType === 'm.thread') refreshThread(tx, parent.nid, this.#types.thread);
    };
  }
}

/** By a look at the text: parsing the content of every event would cost more than all the rest of the index. */
function mayRelate(event: StoredEvent): boolean {
  return event.verdict === 'accepted' && event.contentJson.includes('"m.relates_to"');
}
