import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ByteWriter } from '../../platform/binary/index.ts';
import { createSeededRandom, type Random } from '../../platform/random.ts';
import { type MadeNode, NodeNaming, StateBuilder } from './built-state.ts';
import { changeNode, orderChanges } from './change-state.ts';
import { collectEntries, diffRoots, findEvent } from './read-state.ts';
import { decodeNode, decodeRoot, encodeRoot } from './state-node-codec.ts';
import {
  emptyRoot,
  leafCapacity,
  type NodeId,
  type NodeSource,
  type RootNode,
  type StateChange,
  type StateEntry,
  type StateNode,
  type StateRoot,
} from './state-node.ts';

const memberType = 5;
const naming = new NodeNaming(new Uint8Array(16));

/** Nodes as a database would keep them: as bodies. */
class Shelf implements NodeSource {
  readonly bodies = new Map<NodeId, Uint8Array>();

  node(id: NodeId): StateNode | undefined {
    const body = this.bodies.get(id);
    assert(body, 'every node that a state needs was made');
    return decodeNode(body);
  }

  root(id: StateRoot): RootNode {
    const body = this.bodies.get(id);
    return body === undefined ? emptyRoot : decodeRoot(body);
  }

  change(before: StateRoot, changes: readonly StateChange[]): StateRoot {
    const builder = new StateBuilder(this, naming, 1, new Map<NodeId, MadeNode>());
    const root = this.root(before);
    const ordered = orderChanges(changes);
    const after = builder.makeRoot({
      kind: 'root',
      others: changeNode(
        builder,
        root.others,
        0,
        ordered.filter((change) => change.type !== memberType),
      ),
      members: changeNode(
        builder,
        root.members,
        0,
        ordered.filter((change) => change.type === memberType),
      ),
    });
    for (const [id, { body }] of builder.made) this.bodies.set(id, body);
    return after;
  }

  entries(id: StateRoot): StateEntry[] {
    const found: StateEntry[] = [];
    collectEntries(this, this.root(id).others, found);
    collectEntries(this, this.root(id).members, found);
    return found;
  }
}

type Model = Map<string, StateEntry>;
const nameOf = (entry: { type: number; stateKey: number }): string => `${entry.type} ${entry.stateKey}`;

function randomChange(random: Random, members: number, removals: number): StateChange {
  const isMember = random.integer(0, 4) > 0;
  const type = isMember ? memberType : random.integer(1, 40);
  const stateKey = isMember ? random.integer(0, members) * 3 : random.integer(0, 3) === 0 ? random.integer(0, 2 ** 45) : 1;
  const event = random.integer(0, 10) < removals ? undefined : random.integer(-1_000_000, 2 ** 40);
  return { type, stateKey, event };
}

function follow(model: Model, changes: readonly StateChange[]): Model {
  const after = new Map(model);
  for (const { type, stateKey, event } of changes) {
    if (event === undefined) after.delete(nameOf({ type, stateKey }));
    else after.set(nameOf({ type, stateKey }), { type, stateKey, event });
  }
  return after;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index--) {
    const other = random.integer(0, index + 1);
    [result[index], result[other]] = [result[other]!, result[index]!];
  }
  return result;
}

const byPlace = (a: StateEntry, b: StateEntry): number => a.type - b.type || a.stateKey - b.stateKey;

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`any changes in any order lead where a plain map leads (seed ${seed})`, () => {
    const random = createSeededRandom(seed);
    const shelf = new Shelf();
    const members = [4, 30, 300, 3000][seed % 4]!;
    let root = '' as StateRoot;
    let model: Model = new Map();
    const past: { root: StateRoot; model: Model }[] = [];
    for (let step = 0; step < 60; step++) {
      // Rooms grow, and now and then shrink: leaves become branches and branches leaves.
      const removals = step % 20 > 12 ? 9 : 1;
      const changes = Array.from({ length: random.integer(1, 5) ** random.integer(1, 6) }, () =>
        randomChange(random, members, removals),
      );
      if (step % 20 === 15)
        for (const entry of model.values()) if (random.integer(0, 10) < 9) changes.push({ ...entry, event: undefined });
      root = shelf.change(root, changes);
      model = follow(model, changes);
      past.push({ root, model });

      assert.deepEqual(shelf.entries(root).sort(byPlace), [...model.values()].sort(byPlace));
      for (const { type, stateKey } of changes) {
        const top = type === memberType ? shelf.root(root).members : shelf.root(root).others;
        assert.equal(findEvent(shelf, top, type, stateKey), model.get(nameOf({ type, stateKey }))?.event);
      }
      const counted = shelf.root(root);
      assert.equal(counted.members.count + counted.others.count, model.size);
    }

    for (const { root: known, model: entries } of past.slice(-25)) {
      let rebuilt = '' as StateRoot;
      const all = shuffled([...entries.values()], random);
      for (let from = 0; from < all.length; from += 200) rebuilt = shelf.change(rebuilt, all.slice(from, from + 200));
      assert.equal(rebuilt, known, 'the same entries have the same root, however they came about');
    }

    for (let pair = 0; pair < 30; pair++) {
      const [before, after] = [past[random.integer(0, past.length)]!, past[random.integer(0, past.length)]!];
      const found = diffRoots(shelf, shelf.root(before.root), shelf.root(after.root));
      const places = new Map([...before.model, ...after.model]);
      const expected = [...places]
        .map(([name, { type, stateKey }]) => ({
          type,
          stateKey,
          before: before.model.get(name)?.event,
          after: after.model.get(name)?.event,
        }))
        .filter((difference) => difference.before !== difference.after);
      const order = (a: { type: number; stateKey: number }, b: { type: number; stateKey: number }): number =>
        a.type - b.type || a.stateKey - b.stateKey;
      assert.deepEqual(found.sort(order), expected.sort(order));
    }
  });
}

test('a change of one member among many makes one path of nodes', () => {
  const shelf = new Shelf();
  const crowd = Array.from({ length: 20_000 }, (_, user) => ({ type: memberType, stateKey: user, event: user }));
  const before = shelf.change('' as StateRoot, crowd);
  const known = shelf.bodies.size;
  shelf.change(before, [{ type: memberType, stateKey: 77, event: 1_000_000 }]);
  assert(shelf.bodies.size - known <= 6, `${shelf.bodies.size - known} nodes are more than a path`);
});

test('a change that changes nothing gives back the state that was', () => {
  const shelf = new Shelf();
  const before = shelf.change('' as StateRoot, [{ type: 1, stateKey: 1, event: 9 }]);
  assert.equal(shelf.change(before, [{ type: 1, stateKey: 1, event: 9 }]), before);
  assert.equal(shelf.change(before, [{ type: 1, stateKey: 1, event: undefined }]), '');
  assert.equal(shelf.change('' as StateRoot, [{ type: 1, stateKey: 1, event: undefined }]), '');
});

test('of several changes to one place the last counts', () => {
  const shelf = new Shelf();
  const root = shelf.change('' as StateRoot, [
    { type: 1, stateKey: 1, event: 9 },
    { type: 1, stateKey: 1, event: undefined },
    { type: 1, stateKey: 1, event: 7 },
  ]);
  assert.deepEqual(shelf.entries(root), [{ type: 1, stateKey: 1, event: 7 }]);
});

test('places that a stranger chose to share all digits end in one larger leaf', () => {
  const shelf = new Shelf();
  const unlucky = Array.from({ length: leafCapacity * 3 }, (_, index) => ({ type: 7, stateKey: index * 2 ** 32, event: index }));
  const root = shelf.change('' as StateRoot, unlucky);
  assert.deepEqual(shelf.entries(root).sort(byPlace), unlucky);
  const fewer = shelf.change(
    root,
    unlucky.slice(3).map((entry) => ({ ...entry, event: undefined })),
  );
  assert.equal(fewer, shelf.change('' as StateRoot, unlucky.slice(0, 3)));
});

test('the largest numbers of either sign survive', () => {
  const shelf = new Shelf();
  const largest = 2 ** 52 - 1;
  const entries = [
    { type: largest, stateKey: largest, event: -1 },
    { type: memberType, stateKey: 0, event: largest },
  ];
  assert.deepEqual(shelf.entries(shelf.change('' as StateRoot, entries)).sort(byPlace), entries.toReversed());
});

test('a damaged body is noticed', () => {
  const writer = new ByteWriter();
  encodeRoot(writer, { kind: 'root', others: { kind: 'leaf', count: 1, entries: [1, 2, 3] }, members: emptyRoot.members });
  const body = writer.bytes();
  assert.throws(() => decodeRoot(body.slice(0, -2)), RangeError);
  assert.throws(() => decodeRoot(Uint8Array.of(...body, 0)), RangeError);
});
