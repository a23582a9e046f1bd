import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { failureOf } from './failure.ts';
import { GroupCommit } from './group-commit.ts';
import { LANE_BROKEN, type Operations } from './protocol.ts';

/** A batch is `[lane, ...ids]`; each id goes into a table once. */
function letterbox(log: string[] = []) {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE letters (id INTEGER PRIMARY KEY)');
  const insert = database.prepare('INSERT INTO letters (id) VALUES (?)');
  let beginsToRefuse = 0;
  const groups = new GroupCommit({
    exec: (text) => {
      log.push(text);
      if (text.startsWith('BEGIN') && beginsToRefuse-- > 0) throw new Error('busy');
      database.exec(text);
    },
    execute: (operations: Operations) => {
      for (const id of operations.slice(1)) {
        // What a full disk does: the engine rolls the whole transaction back by itself.
        if (id === 'full') database.exec('ROLLBACK');
        insert.run(id === 'full' ? 'not a number' : Number(id));
      }
    },
    get inTransaction(): boolean {
      return database.isTransaction;
    },
    failureOf,
  });
  return {
    groups,
    refuseBegin: () => (beginsToRefuse = 1),
    ids: () =>
      database
        .prepare('SELECT id FROM letters ORDER BY id')
        .all()
        .map((row) => row['id']),
  };
}

test('a group is one transaction without savepoints', () => {
  const log: string[] = [];
  const { groups, ids } = letterbox(log);
  assert.deepEqual(
    groups.commit([
      [0, 1],
      [0, 2],
      [0, 3],
    ]),
    [],
  );
  assert.deepEqual(ids(), [1, 2, 3]);
  assert.deepEqual(log, ['BEGIN IMMEDIATE', 'COMMIT']);
});

test('the batch that fails is taken out, and its lane with it', () => {
  const { groups, ids } = letterbox();
  const failures = groups.commit([
    [0, 1],
    [7, 2, 1],
    [7, 3],
    [8, 4],
    [0, 5],
  ]);
  assert.deepEqual(
    failures.map(([index]) => index),
    [1, 2],
  );
  assert.equal(failures[1]?.[1].code, LANE_BROKEN);
  assert.deepEqual(ids(), [1, 4, 5]);
  assert.deepEqual(
    groups.commit([[7, 6]]).map(([index]) => index),
    [0],
  );
  assert.deepEqual(ids(), [1, 4, 5]);
});

test('when the transaction itself is lost, each batch gets one of its own', () => {
  const { groups, ids } = letterbox();
  const failures = groups.commit([
    [0, 1],
    [9, 2, 'full'],
    [9, 3],
    [0, 4],
  ]);
  assert.deepEqual(
    failures.map(([index]) => index),
    [1, 2],
  );
  assert.deepEqual(ids(), [1, 4]);
});

test('when no transaction can be started, lanes are broken all the same', () => {
  const { groups, ids, refuseBegin } = letterbox();
  refuseBegin();
  assert.throws(() => groups.commit([[5, 1]]), /busy/);
  assert.deepEqual(
    groups
      .commit([
        [5, 2],
        [0, 3],
      ])
      .map(([index, { code }]) => [index, code]),
    [[0, LANE_BROKEN]],
  );
  assert.deepEqual(ids(), [3]);
});
