import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing';

interface SyncAnswer {
  readonly presence?: { readonly events: readonly { readonly sender: string; readonly content: Record<string, unknown> }[] };
}

forEachHomeserver('presence over HTTP', ({ test, testWith }) => {
  test('Bob sees that Alice is there and what she says of it', async ({ homeserver }) => {
    const { alice, bob } = await homeserver.twoFriendsInARoom();
    await bob.syncs({ set_presence: 'offline' });
    const path = `/presence/${alice.userId}/status`;
    await alice.put(path, { presence: 'online', status_msg: 'at sea' });
    const content = await bob.syncsUntil(
      (answer: SyncAnswer) => answer.presence?.events.find(({ sender }) => sender === alice.userId)?.content,
    );
    const { last_active_ago: ago, ...rest } = content;
    assert.ok(Number(ago) >= 0);
    assert.deepEqual(rest, {
      displayname: alice.localpart,
      presence: 'online',
      currently_active: true,
      status_msg: 'at sea',
    });
    assert.equal((await bob.get(path)).status_msg, 'at sea');
    await bob.isRefused('PUT', path, { status: 403, errcode: 'M_FORBIDDEN' }, { body: { presence: 'offline' } });
    const mallory = await homeserver.person('mallory');
    await mallory.isRefused('GET', path, { status: 403, errcode: 'M_FORBIDDEN' });
    await alice.syncs({ set_presence: 'unavailable' });
    assert.equal((await bob.get(path)).presence, 'unavailable');
  });

  testWith('where presence is off nobody is there', { config: { presence: { enabled: false } } }, async ({ homeserver }) => {
    const { alice, bob } = await homeserver.twoFriendsInARoom();
    await alice.put(`/presence/${alice.userId}/status`, { presence: 'online' });
    assert.deepEqual(await bob.get(`/presence/${alice.userId}/status`), { presence: 'offline' });
    assert.equal((await bob.syncs()).presence, undefined);
  });
});
