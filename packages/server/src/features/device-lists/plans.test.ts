import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { sql } from '../../platform/database/index.ts';
import { plansOf } from '../../platform/database/query-plans.fixture.ts';
import { movedRooms, movesIn, thoseWhoShare } from './moves.store.ts';
import { doubtMembers, dueLists, knownToOurs, readLists, readRemoteDevices, staleListsOf } from './remote/remote-lists.store.ts';

const users = Array.from({ length: 300 }, (_, number) => 1 + number * 7);

forEachDatabase('what device lists cost', ({ test, dialect }) => {
  test('nothing reads a whole table, nor all memberships of ours, without statistics either', async ({ database }) => {
    if (dialect !== 'postgres') return;
    await database.write((tx) => {
      tx.run(sql`INSERT INTO memberships (user_nid, room_nid, membership, event_nid, sender_nid, server_nid, position, forgotten)
        SELECT n / 10, n % 3000, 1, n, n / 10, 1 + n % 50, n, 0 FROM generate_series(1, 100000) n`);
      tx.run(sql`INSERT INTO device_list_moves (room_nid, user_nid, position, joined)
        SELECT n % 3000, n / 10, n, 1 FROM generate_series(1, 100000) n`);
      tx.run(sql`INSERT INTO remote_device_lists (user_nid, server_nid, stream_id, stale, doubtful, attempts, retry_ts)
        SELECT n, n % 50, n, 0, 0, 0, 0 FROM generate_series(1, 20000) n`);
      tx.run(sql`INSERT INTO remote_devices (user_nid, device_id, keys)
        SELECT n / 3, 'D' || n, repeat('x', 400) FROM generate_series(1, 30000) n`);
    });
    const plans = await plansOf(database, async (tx) => {
      await movedRooms(tx, 5, 99_000);
      await movesIn(tx, users.slice(0, 20), 99_000);
      await thoseWhoShare(tx, 5, users);
      await knownToOurs(tx, users, 1);
      await knownToOurs(tx, [7], 1);
      await readLists(tx, users);
      await readRemoteDevices(tx, users.slice(0, 30));
      await dueLists(tx, 5, 500);
      await staleListsOf(tx, 7, 500);
      doubtMembers(tx, 7);
    });
    for (const plan of plans) assert.doesNotMatch(plan, /Seq Scan/);
    const [sharing = ''] = await plansOf(database, (tx) => thoseWhoShare(tx, 5, users));
    assert.doesNotMatch(sharing, /memberships_by_room/, 'the members of large rooms are not read to find a few');
    for (const plan of plans) assert.doesNotMatch(plan, /Bitmap Index Scan on memberships_by_server/, 'all who are joined');
    for (const plan of plans) assert.doesNotMatch(plan, /Index Cond: \(server_nid = 1\)/, 'our own server has most of the rows');
  });
});
