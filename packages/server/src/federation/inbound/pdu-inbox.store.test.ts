import assert from 'node:assert/strict';

import { parseExactJson } from '@myelin/protocol/canonical-json';
import type { Pdu } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { openHive } from '../../features/hive.fixture.ts';
import { elsewhere } from './inbound.fixture.ts';
import { oldestInInbox, putIntoInbox } from './pdu-inbox.store.ts';

forEachDatabase('the inbox', ({ test }) => {
  test('numbers wait as they are spelt, for the oldest room versions hash them so', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const originNid = await hive.names.idOf(elsewhere);
    const text = '{"content":{"float":640.0,"great":9007199254740993,"small":1e-07,"usual":7},"depth":4611686018427387905}';
    const pdu = parseExactJson(text) as unknown as Pdu;
    const entry = { id: 1, originNid, eventId: '$numbers' as EventId, pdu, attempts: 0 };
    await database.write((tx) => putIntoInbox(tx, room.nid, [entry], 0));
    const [waiting] = await oldestInInbox(database, room.nid, 10);
    assert.equal(JSON.stringify(waiting?.pdu), text);
  });
});
