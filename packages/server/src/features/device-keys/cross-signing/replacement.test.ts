import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

import { createTestClock } from '../../../platform/clock.ts';
import { asksFor, Identity } from '../key-ring.fixture.ts';

const upload = '/keys/device_signing/upload';
const minuteMs = 60_000;

function pathFor(userId: string): string {
  return `/_synapse/admin/v1/users/${encodeURIComponent(userId)}/_allow_cross_signing_replacement_without_uia`;
}

/** Whether a person gets by without proof. */
async function replaces(person: Person, identity: Identity): Promise<boolean> {
  const { status, body } = await person.request('POST', upload, { body: identity.keys });
  assert.ok(status === 200 || (status === 401 && body.session !== undefined), JSON.stringify(body));
  return status === 200;
}

forEachHomeserver('keys that an operator lets users replace', ({ test, testWith }) => {
  test('Alice, who has lost her keys, begins anew once, and nobody else does', async ({ homeserver }) => {
    const [olga, alice, bob] = [await homeserver.admin('olga'), await homeserver.person('alice'), await homeserver.person('bob')];
    for (const each of [alice, bob]) await new Identity(each).publishes();
    const second = new Identity(alice, 'second');
    assert.equal(await replaces(alice, second), false);
    const allowed = await olga.post(pathFor(alice.userId));
    assert.deepEqual(Object.keys(allowed), ['updatable_without_uia_before_ms']);
    assert.equal(await replaces(bob, new Identity(bob, 'second')), false);
    assert.equal(await replaces(alice, second), true);
    assert.deepEqual((await asksFor(bob, alice)).master_keys[alice.userId].keys, second.masterKey.keys);
    assert.equal(await replaces(alice, second), true, 'the same again, as by a client that has not heard the answer');
    assert.equal(await replaces(alice, new Identity(alice, 'third')), false, 'whoever has stolen the token does not follow her');
  });

  test('only operators let others, and only those who have keys', async ({ homeserver }) => {
    const [olga, alice, mallory] = [
      await homeserver.admin('olga'),
      await homeserver.person('alice'),
      await homeserver.person('mallory'),
    ];
    const unknown = { status: 404, errcode: 'M_NOT_FOUND' };
    await olga.isRefused('POST', pathFor(alice.userId), unknown);
    await olga.isRefused('POST', pathFor('@nobody:hive.example'), unknown);
    await olga.isRefused('POST', pathFor('@bob:elsewhere.example'), unknown);
    const first = new Identity(alice);
    await first.publishes();
    await alice.isRefused('POST', pathFor(alice.userId), { status: 403, errcode: 'M_FORBIDDEN' });
    await mallory.isRefused('POST', pathFor(alice.userId), { status: 403, errcode: 'M_FORBIDDEN' });
    assert.equal((await homeserver.request('POST', pathFor(alice.userId))).status, 401);
    assert.equal(await replaces(alice, new Identity(alice, 'second')), false);
  });

  const clock = createTestClock();
  testWith('ten minutes it lasts, through a restart, and no longer', { clock }, async ({ homeserver }) => {
    const [olga, alice, bob] = [await homeserver.admin('olga'), await homeserver.person('alice'), await homeserver.person('bob')];
    for (const each of [alice, bob]) {
      await new Identity(each).publishes();
      const { updatable_without_uia_before_ms: before } = await olga.post(pathFor(each.userId));
      assert.equal(before, clock.now() + 10 * minuteMs);
    }
    await homeserver.restart();
    clock.advance(10 * minuteMs - 1);
    assert.equal(await replaces(alice, new Identity(alice, 'second')), true);
    clock.advance(1);
    assert.equal(await replaces(bob, new Identity(bob, 'second')), false);
  });
});
