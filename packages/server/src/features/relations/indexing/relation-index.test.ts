import assert from 'node:assert/strict';

import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../../../platform/cache/index.ts';
import { Interner, type Database, type Tx } from '../../../platform/database/index.ts';
import { StoredEvent, type EventStore, type PersistBatch, type Room } from '../../../rooms/index.ts';
import { internRelationTypes } from '../relation-types.ts';
import { orphansOf, pageOfChildren } from '../relations.store.ts';
import { KnownParents } from './known-parents.ts';
import { RelationIndex } from './relation-index.ts';

const parentId = '$parent:hive.example' as EventId;

function message(nid: number, eventId: string, content: object): StoredEvent {
  return new StoredEvent({
    nid,
    roomNid: 1,
    roomId: '!tea:hive.example' as RoomId,
    eventId: eventId as EventId,
    type: 'm.room.message',
    sender: '@alice:hive.example' as UserId,
    senderNid: 2,
    stateKey: undefined,
    originServerTs: nid,
    depth: nid,
    position: nid,
    verdict: 'accepted',
    stateRoot: undefined,
    roomRoot: undefined,
    replacesNid: undefined,
    redactedByNid: undefined,
    contentJson: JSON.stringify(content),
    envelope: new Uint8Array(),
  });
}

const child = (nid: number): StoredEvent =>
  message(nid, `$child${nid}:hive.example`, { body: 'yes', 'm.relates_to': { rel_type: 'm.thread', event_id: parentId } });

/** The part of the event store that the index asks, over some events. */
class Shelf implements Pick<EventStore, 'byId' | 'byNids'> {
  readonly events: StoredEvent[] = [];

  byId(eventId: EventId): Promise<StoredEvent | undefined> {
    return Promise.resolve(this.events.find((event) => event.eventId === eventId));
  }

  byNids(nids: Iterable<number>): Promise<Map<number, StoredEvent>> {
    const wanted = new Set(nids);
    return Promise.resolve(new Map(this.events.filter(({ nid }) => wanted.has(nid)).map((event) => [event.nid, event])));
  }
}

async function indexOn(database: Database, shelf: Shelf) {
  const names = new Interner(database, new CacheBudget(1_000_000));
  const types = await internRelationTypes(names);
  const known = new KnownParents(0, new CacheBudget(1_000_000));
  const index = await RelationIndex.open({ database, names, rooms: { events: shelf } }, types, known);
  const rules = roomVersionRules('12');
  assert.ok(rules);
  const room = { nid: 1, rules } as Room;
  const persist = async (events: readonly StoredEvent[], redacts: readonly StoredEvent[] = []): Promise<void> => {
    shelf.events.push(...events);
    const redactions = redacts.map((target) => ({ redaction: message(999, '$redaction:hive.example', {}), target }));
    const batch: PersistBatch = { room, events, redactions, stateChanges: [], membershipChanges: [] };
    const write = await index.prepare(batch);
    if (write) await database.write((tx: Tx) => write(tx));
  };
  const threadOf = async (nid: number): Promise<number[]> => {
    const page = await pageOfChildren(database, nid, { relTypeNid: types.thread, direction: 'f', limit: 9, levels: 1 });
    return page.map((place) => place.child_nid);
  };
  return { persist, threadOf, known, index };
}

forEachDatabase('the index of relations', ({ test }) => {
  test('children wait for their parent, also over a restart, and are its own when it comes', async ({ database }) => {
    const shelf = new Shelf();
    const before = await indexOn(database, shelf);
    await before.persist([child(11), child(12)]);
    assert.deepEqual(await orphansOf(database, parentId), [11, 12]);

    const { persist, threadOf, known } = await indexOn(database, shelf);
    await persist([child(13)]);
    await persist([message(20, parentId, { body: 'Who comes?' })]);
    assert.deepEqual(await threadOf(20), [11, 12, 13]);
    assert.deepEqual(await orphansOf(database, parentId), []);
    assert.equal(known.mayHaveChildren(20), true);
    await persist([child(21)], [child(12)]);
    assert.deepEqual(await threadOf(20), [11, 13, 21]);
  });

  test('a child may come together with its parent', async ({ database }) => {
    const { persist, threadOf } = await indexOn(database, new Shelf());
    await persist([message(20, parentId, { body: 'Who comes?' }), child(21)]);
    assert.deepEqual(await threadOf(20), [21]);
  });

  test('a plain message costs nothing: no promise, no write', async ({ database }) => {
    const { index } = await indexOn(database, new Shelf());
    const batch = { events: [message(5, '$plain:hive.example', { body: 'hi' })], redactions: [] } as unknown as PersistBatch;
    assert.equal(index.prepare(batch), undefined);
  });
});
