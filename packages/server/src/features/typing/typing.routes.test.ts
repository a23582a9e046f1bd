import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing';

interface SyncAnswer {
  readonly rooms?: {
    readonly join?: Readonly<
      Record<
        string,
        { readonly ephemeral?: { readonly events: readonly { readonly type: string; readonly content: unknown }[] } }
      >
    >;
  };
}

forEachHomeserver('typing over HTTP', ({ test }) => {
  test('Bob sees Alice begin and stop, also over a restart', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await bob.syncs();
    const path = `/rooms/${encodeURIComponent(room)}/typing/${alice.userId}`;
    const seen = () =>
      bob.syncsUntil((answer: SyncAnswer) =>
        answer.rooms?.join?.[room]?.ephemeral?.events.find(({ type }) => type === 'm.typing'),
      );
    await alice.put(path, { typing: true, timeout: 100_000 });
    assert.deepEqual((await seen()).content, { user_ids: [alice.userId] });
    await alice.put(path, { typing: false });
    assert.deepEqual((await seen()).content, { user_ids: [] });
    await alice.put(path, { typing: true, timeout: 100_000 });
    assert.deepEqual((await seen()).content, { user_ids: [alice.userId] });
    await homeserver.restart();
    assert.deepEqual((await seen()).content, { user_ids: [] });
    await alice.put(path, { typing: true });
    assert.deepEqual((await seen()).content, { user_ids: [alice.userId] });
    await bob.isRefused('PUT', path, { status: 403, errcode: 'M_FORBIDDEN' }, { body: { typing: true } });
  });
});
