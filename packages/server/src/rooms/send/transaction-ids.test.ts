import assert from 'node:assert/strict';

import type { DeviceId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import type { Database, Query } from '../../platform/database/index.ts';
import { letOthersRun } from '../../platform/let-others-run.ts';
import { TransactionIds, TransactionScope } from './transaction-ids.ts';

const phone = 'PHONE' as DeviceId;
const laptop = 'LAPTOP' as DeviceId;
const scope = (txnId: string, deviceId = phone): TransactionScope =>
  new TransactionScope({ userNid: 1, deviceId, path: '7/send/m.text', txnId });

/** The database, and how often single rows were asked of it. */
function counted(database: Database): Database & { questions: number } {
  const counting = {
    ...database,
    questions: 0,
    all: <Row>(query: Query<Row>) => database.all(query),
    get<Row>(query: Query<Row>) {
      counting.questions += 1;
      return database.get(query);
    },
    write: database.write.bind(database),
  };
  return counting;
}

async function untilRead(ids: TransactionIds, database: { questions: number }): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    const before = database.questions;
    await ids.sentEvent(scope(`not used ${turn}`));
    if (database.questions === before) return;
    await letOthersRun();
  }
  throw new Error('what was there at the start is never read');
}

forEachDatabase('transaction ids', ({ test }) => {
  test('one that was never used costs no question; one that was used is found, after a restart too', async ({
    database,
    reopen,
  }) => {
    const at = counted(database);
    const ids = new TransactionIds(at, 0);
    await untilRead(ids, at);
    await at.write((tx) => {
      ids.remember(tx, scope('one'), 11, 1000);
      ids.remember(tx, scope('two', laptop), 12, 1000);
    });
    at.questions = 0;
    assert.equal(await ids.sentEvent(scope('three')), undefined);
    assert.equal(at.questions, 0);
    assert.equal(await ids.sentEvent(scope('one')), 11);
    assert.equal(await ids.sentEvent(scope('one', laptop)), undefined, "another device's ids are its own");

    const later = counted(await reopen());
    const again = new TransactionIds(later, 12);
    assert.equal(await again.sentEvent(scope('one')), 11, 'before it has read them');
    await untilRead(again, later);
    assert.equal(await again.sentEvent(scope('two', laptop)), 12);
    assert.equal(await again.sentEvent(scope('three')), undefined);
  });

  test('a sender is told with which id an event was sent, from memory or from before the restart', async ({
    database,
    reopen,
  }) => {
    const ids = new TransactionIds(database, 0);
    await database.write((tx) => {
      for (let nid = 1; nid <= 6_000; nid++) ids.remember(tx, scope(`t${nid}`), nid, 1000);
    });
    const found = async (of: TransactionIds, device: DeviceId, nids: readonly number[], db = database): Promise<unknown> =>
      Object.fromEntries(await of.ofDevice(db, device, nids));
    const asSent = { 3: 't3', 5_999: 't5999' };
    assert.deepEqual(await found(ids, phone, [3, 5_999, 6_001]), asSent);
    assert.deepEqual(await found(ids, laptop, [3, 5_999]), {});
    const reopened = await reopen();
    assert.deepEqual(await found(new TransactionIds(reopened, 6_000), phone, [3, 5_999, 6_001], reopened), asSent);
  });
});
