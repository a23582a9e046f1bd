import assert from 'node:assert/strict';

import { type Database, sql } from '@myelin/server/platform/database';
import { forEachDatabase } from '@myelin/testing';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createSeededRandom } from '../../platform/random.ts';
import {
  createNodeCache,
  deleteRoomStates,
  emptyState,
  MissingStateError,
  openStateTree,
  type StateChange,
  type StateRoot,
  type StateTree,
  stateRootFromBytes,
  stateRootToBytes,
} from './index.ts';

const memberType = 5;
const room = 7;
const member = (user: number, event: number | undefined): StateChange => ({ type: memberType, stateKey: user, event });
const crowd = (count: number): StateChange[] => Array.from({ length: count }, (_, user) => member(user, 10 + user));
const create = { type: 1, stateKey: 1, event: 1 };

function treeOf(database: Database, cacheBytes = 10_000_000): Promise<StateTree> {
  const cache = createNodeCache(new CacheBudget(cacheBytes));
  return openStateTree({ database, cache, random: createSeededRandom(1), memberType });
}

async function put(database: Database, tree: StateTree, before: StateRoot, changes: readonly StateChange[]): Promise<StateRoot> {
  const built = await tree.apply(room, before, changes);
  await database.write((tx) => built.writeTo(tx));
  return built.root;
}

async function nodeCount(database: Database): Promise<number> {
  const row = await database.get(sql<{ n: number }>`SELECT count(*) AS n FROM state_nodes WHERE room_nid = ${room}`);
  return Number(row?.n);
}

forEachDatabase('state tree', ({ test }) => {
  test('a state is the same after a restart, from cold and through a column', async ({ database, reopen }) => {
    const before = await put(database, await treeOf(database), emptyState, [create, ...crowd(500)]);
    const opened = await reopen();
    const tree = await treeOf(opened);
    const root = stateRootFromBytes(stateRootToBytes(before));
    assert.equal(await tree.get(room, root, create), 1);
    assert.equal(await tree.get(room, root, { type: memberType, stateKey: 499 }), 509);
    assert.equal(await tree.get(room, root, { type: memberType, stateKey: 500 }), undefined);
    assert.deepEqual(await tree.getMany(room, root, [member(3, 0), member(900, 0), create]), [13, undefined, 1]);
    assert.deepEqual(await tree.entriesOfType(room, root, 1), [create]);
    assert.equal((await tree.entriesOfType(room, root, memberType)).length, 500);
    assert.equal((await tree.entries(room, root)).length, 501);
    assert.equal(await tree.size(room, root, 'members'), 500);
    assert.equal(await tree.size(room, root), 501);
    const again = await tree.apply(room, emptyState, [...crowd(500).toReversed(), create]);
    assert.equal(again.root, before, 'the same secret, hence the same names');
  });

  test('the empty state has no row and no members', async ({ database }) => {
    const tree = await treeOf(database);
    assert.equal(stateRootToBytes(emptyState), null);
    assert.equal(stateRootFromBytes(null), emptyState);
    assert.deepEqual(tree.entries(room, emptyState), []);
    assert.equal((await tree.apply(room, emptyState, [member(1, undefined)])).root, emptyState);
  });

  test('with the nodes at hand nothing is a promise', async ({ database }) => {
    const tree = await treeOf(database);
    const root = await put(database, tree, emptyState, [create, ...crowd(2_000)]);
    assert.equal(tree.get(room, root, create), 1);
    const next = tree.apply(room, root, [member(77, 5_000)]);
    assert(!(next instanceof Promise));
    assert(!(tree.diff(room, root, next) instanceof Promise));
  });

  test('a state is read before it is written, while its write waits, and after a failed one it is gone', async ({ database }) => {
    const tree = await treeOf(database, 1);
    const built = await tree.apply(room, emptyState, crowd(100));
    assert.equal(tree.get(room, built, member(99, 0)), 109);
    const onTop = await tree.apply(room, built, [member(99, 1)]);
    assert.equal(tree.get(room, onTop, member(98, 0)), 108);
    const committed = database.write((tx) => onTop.writeTo(tx));
    assert.equal(tree.get(room, onTop.root, member(99, 0)), 1);
    assert.equal(tree.get(room, built.root, member(99, 0)), 109, 'what it was built on was written too');
    await committed;
    assert.equal(await tree.get(room, onTop.root, member(99, 0)), 1);

    const lost = await tree.apply(room, onTop.root, [member(5, 6)]);
    await assert.rejects(
      database.write((tx) => {
        lost.writeTo(tx);
        throw new Error('the disk is full');
      }),
    );
    tree.forgetRoom(room);
    await assert.rejects(async () => await tree.get(room, lost.root, create), MissingStateError);
  });

  test('a memory of nothing only makes it slower', async ({ database }) => {
    const tree = await treeOf(database, 1);
    const random = createSeededRandom(3);
    let root: StateRoot = emptyState;
    const model = new Map<number, number>();
    const past = new Map<StateRoot, Map<number, number>>();
    for (let step = 0; step < 25; step++) {
      const changes = Array.from({ length: random.integer(1, 60) }, () =>
        member(random.integer(0, 400), random.integer(0, 3) === 0 ? undefined : random.integer(-500, 1_000_000)),
      );
      for (const { stateKey, event } of changes) {
        if (event === undefined) model.delete(stateKey);
        else model.set(stateKey, event);
      }
      root = await put(database, tree, root, changes);
      past.set(root, new Map(model));
    }
    for (const [known, entries] of past) {
      const found = await tree.entries(room, known);
      assert.deepEqual(
        new Map(found.map((entry) => [entry.stateKey, entry.event])),
        entries.size === found.length ? entries : undefined,
      );
      for (const { stateKey, before, after } of await tree.diff(room, known, root)) {
        assert.equal(before, entries.get(stateKey));
        assert.equal(after, model.get(stateKey));
        assert.notEqual(before, after);
      }
    }
  });

  test('two states of a large room are compared by what differs', async ({ database }) => {
    const before = await put(database, await treeOf(database), emptyState, [create, ...crowd(3_000)]);
    const after = await put(database, await treeOf(database), before, [
      member(1, 7_001),
      member(2_999, undefined),
      member(5_000, 9),
    ]);
    const differences = await (await treeOf(database)).diff(room, before, after);
    assert.deepEqual(
      differences.sort((a, b) => a.stateKey - b.stateKey),
      [
        { type: memberType, stateKey: 1, before: 11, after: 7_001 },
        { type: memberType, stateKey: 2_999, before: 3_009, after: undefined },
        { type: memberType, stateKey: 5_000, before: undefined, after: 9 },
      ],
    );
  });

  test('two rooms with the same entries do not share or delete each other’s nodes', async ({ database }) => {
    const tree = await treeOf(database);
    await put(database, tree, emptyState, crowd(100));
    const other = await tree.apply(8, emptyState, crowd(100));
    await database.write((tx) => other.writeTo(tx));
    while (!(await deleteRoomStates(database, room, 5)));
    assert.equal(await nodeCount(database), 0);
    assert.equal((await (await treeOf(database)).entries(8, other.root)).length, 100);
  });

  test('what nothing owns is collected, and what is owned or new stays', async ({ database }) => {
    const tree = await treeOf(database);
    const lane = database.openLane();
    const roots: StateRoot[] = [await put(database, tree, emptyState, [create, ...crowd(300)])];
    for (let step = 0; step < 40; step++) roots.push(await put(database, tree, roots.at(-1)!, [member(step * 7, 10_000 + step)]));
    const collection = tree.startCollection(room);
    assert.throws(() => tree.startCollection(room), /already/);
    const owned = [roots[3]!, roots[20]!, roots.at(-1)!];
    await collection.mark(owned.slice(0, 1), 2);
    await collection.mark(owned, 100);
    // The room goes on: one state is new, another was garbage and comes about again, half of it already swept away.
    const late = await put(database, tree, roots.at(-1)!, [member(2, 20_000)]);
    const before = await nodeCount(database);
    const first = await collection.sweep(lane, Math.floor(before / 2));
    assert.equal(first.done, false);
    assert.equal(await nodeCount(database), before - first.deleted);
    const steps = Array.from({ length: 7 }, (_, index) => member((index + 3) * 7, 10_003 + index));
    const revived = await put(database, tree, roots[3]!, steps);
    assert.equal(revived, roots[10]);
    for (let done = false; !done;) ({ done } = await collection.sweep(lane, 10));
    assert((await nodeCount(database)) < before - 50);

    const cold = await treeOf(database);
    for (const root of [...owned, late, revived]) assert.equal((await cold.entries(room, root)).length, 301);
    assert.equal(await cold.get(room, late, member(2, 0)), 20_000);
    await assert.rejects(async () => await cold.entries(room, roots[12]!), MissingStateError);
    tree.startCollection(room).end();
  });
});
