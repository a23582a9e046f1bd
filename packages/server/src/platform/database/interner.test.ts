import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../cache/index.ts';
import { Interner, migration } from './index.ts';

const schema = [
  migration({
    id: 1,
    name: 'names',
    up: (dialect) => [`CREATE TABLE names (id ${dialect.identity}, text ${dialect.text} NOT NULL UNIQUE)`],
  }),
];

forEachDatabase(
  'the interner',
  ({ test }) => {
    test('Alice gets a number and keeps it', async ({ database }) => {
      const names = new Interner(database, new CacheBudget(1_000_000));
      assert.equal(await names.knownIdOf('@alice:example.org'), undefined);
      const alice = await names.idOf('@alice:example.org');
      const bob = await names.idOf('@bob:example.org');
      assert.notEqual(alice, bob);
      assert.equal(await names.idOf('@alice:example.org'), alice);
      assert.equal(await names.textOf(bob), '@bob:example.org');
      assert.equal(await names.knownIdOf('@alice:example.org'), alice);
    });

    test('many at once, known and new ones mixed', async ({ database }) => {
      const names = new Interner(database, new CacheBudget(1_000_000));
      const alice = await names.idOf('alice');
      const ids = await names.idsOf(['bob', 'alice', 'carol', 'bob', '']);
      assert.equal(ids.get('alice'), alice);
      assert.equal(new Set(ids.values()).size, 4);
      const texts = await names.textsOf(ids.values());
      for (const [text, id] of ids) assert.equal(texts.get(id), text);
      assert.deepEqual(await names.knownIdsOf(['dave', 'alice']), new Map([['alice', alice]]));
    });

    test('names that can be walked only once', async ({ database }) => {
      const names = new Interner(database, new CacheBudget(1_000_000));
      const servers = new Map([
        ['hive.example', 1],
        ['nest.example', 2],
      ]);
      assert.deepEqual([...(await names.idsOf(servers.keys())).keys()].toSorted(), ['hive.example', 'nest.example']);
    });

    test('two processes that meet the same name at the same time agree', async ({ database }) => {
      const one = new Interner(database, new CacheBudget(1_000_000));
      const other = new Interner(database, new CacheBudget(1_000_000));
      const [first, second] = await Promise.all([one.idsOf(['x', 'y', 'z']), other.idsOf(['z', 'x', 'w'])]);
      assert.equal(first.get('x'), second.get('x'));
      assert.equal(first.get('z'), second.get('z'));
    });

    test('a tiny cache forgets, and nothing is lost', async ({ database, reopen }) => {
      const names = new Interner(database, new CacheBudget(300));
      const strange = ['nul\0nul', 'nul', '\u{1f600}', '\u{fdd0}0', '"{},\\', 'A', 'a'];
      const ids = await names.idsOf(strange);
      assert.equal(new Set(ids.values()).size, strange.length);
      const later = new Interner(await reopen(), new CacheBudget(300));
      for (const [text, id] of ids) assert.deepEqual([await later.textOf(id), await later.idOf(text)], [text, id]);
    });

    test('a number without a string and a string that is no Unicode are refused', async ({ database }) => {
      const names = new Interner(database, new CacheBudget(1_000_000));
      await assert.rejects(names.textOf(12345), /no interned string/);
      await assert.rejects(names.idOf('\ud800'), TypeError);
    });
  },
  schema,
);
