import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { sql } from '../../platform/database/index.ts';
import { openHive, says, type Hive } from '../hive.fixture.ts';
import { noteRedactions, pruneRedacted } from './redaction-retention.ts';

const day = 24 * 3_600_000;

/** Alice has told a secret and something else, and has redacted the secret. */
async function aliceRegrets(hive: Hive) {
  hive.rooms.hooks.persist.push(noteRedactions(hive));
  const { alice } = hive.people;
  const { room, events } = await hive.friendsInARoom(says(alice, 'a secret'), says(alice, 'no secret'));
  const [secret, kept] = events;
  assert.ok(secret && kept);
  await hive.rooms.send(room, [{ type: 'm.room.redaction', sender: alice.userId, content: {}, redacts: secret.eventId }]);
  const contentOf = async (nid: number): Promise<string> =>
    (await hive.database.get<{ content: string }>(sql`SELECT content FROM event_json WHERE event_nid = ${nid}`))?.content ?? '';
  return { secret, kept, contentOf };
}

forEachDatabase('redaction retention', ({ test }) => {
  test('a redacted secret leaves the database when its time is over', async ({ database }) => {
    const hive = await openHive(database);
    const { secret, kept, contentOf } = await aliceRegrets(hive);
    const prune = () => pruneRedacted({ ...hive, config: { redaction_retention_period: 7 * day } });
    hive.clock.advance(6 * day);
    await prune();
    assert.match(await contentOf(secret.nid), /a secret/);
    hive.clock.advance(2 * day);
    await prune();
    assert.equal(await contentOf(secret.nid), '{}');
    assert.match(await contentOf(kept.nid), /no secret/);
    await prune();
    const again = await openHive(database);
    assert.deepEqual((await again.rooms.events.byNid(secret.nid))?.content, {});
  });

  test('it stays where the server keeps it for ever', async ({ database }) => {
    const hive = await openHive(database);
    const { secret, contentOf } = await aliceRegrets(hive);
    hive.clock.advance(1000 * day);
    await pruneRedacted({ ...hive, config: { redaction_retention_period: null } });
    assert.match(await contentOf(secret.nid), /a secret/);
  });
});
