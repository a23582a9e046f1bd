import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing';

interface SyncAnswer {
  readonly account_data?: { readonly events: readonly { readonly type: string; readonly content: unknown }[] };
  readonly rooms?: { readonly join?: Readonly<Record<string, Pick<SyncAnswer, 'account_data'>>> };
}

forEachHomeserver('account data over HTTP', ({ test }) => {
  test('what Alice keeps on one device is on the other', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const phone = await homeserver.anotherDeviceOf(alice);
    const room = await alice.createsRoom();
    await phone.syncs();
    const mine = `/user/${alice.userId}`;
    const inRoom = `${mine}/rooms/${encodeURIComponent(room)}`;
    await alice.put(`${mine}/account_data/org.example.colour`, { colour: 'green' });
    const colour = await phone.syncsUntil((answer: SyncAnswer) => answer.account_data?.events[0]);
    assert.deepEqual(colour, { type: 'org.example.colour', content: { colour: 'green' } });
    await alice.put(`${inRoom}/tags/u.tea`, { order: 0.25 });
    const tags = await phone.syncsUntil((answer: SyncAnswer) => answer.rooms?.join?.[room]?.account_data?.events[0]);
    assert.deepEqual(tags, { type: 'm.tag', content: { tags: { 'u.tea': { order: 0.25 } } } });
    assert.deepEqual(await phone.get(`${inRoom}/tags`), { tags: { 'u.tea': { order: 0.25 } } });
    await alice.ask('DELETE', `${inRoom}/tags/u.tea`);
    assert.deepEqual(await phone.get(`${inRoom}/account_data/m.tag`), { tags: {} });

    await alice.ask('DELETE', `/_matrix/client/unstable/org.matrix.msc3391${mine}/account_data/org.example.colour`);
    await phone.isRefused('GET', `${mine}/account_data/org.example.colour`, { status: 404, errcode: 'M_NOT_FOUND' });
    const gone = await phone.syncsUntil((answer: SyncAnswer) => answer.account_data?.events[0]);
    assert.deepEqual(gone, { type: 'org.example.colour', content: {} });
  });

  test('it is nobody else’s, and some of it is the server’s', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const mine = `/user/${alice.userId}`;
    const inRoom = `${mine}/rooms/${encodeURIComponent(room)}`;
    const body = { event_id: '$x' };
    await bob.isRefused('GET', `${mine}/account_data/m.direct`, { status: 403, errcode: 'M_FORBIDDEN' });
    await bob.isRefused('PUT', `${mine}/account_data/m.direct`, { status: 403, errcode: 'M_FORBIDDEN' }, { body });
    await bob.isRefused('GET', `${inRoom}/tags`, { status: 403, errcode: 'M_FORBIDDEN' });
    for (const path of [`${mine}/account_data/m.push_rules`, `${inRoom}/account_data/m.fully_read`]) {
      await alice.isRefused('PUT', path, { status: 405, errcode: 'M_BAD_JSON' }, { body });
    }
    assert.ok((await alice.get(`${mine}/account_data/m.push_rules`)).global.override);
    await alice.isRefused('PUT', `${mine}/account_data/x`, { status: 400, errcode: 'M_NOT_JSON' }, { body: '{' });
    await alice.isRefused('PUT', `${mine}/account_data/x`, { status: 400, errcode: 'M_BAD_JSON' }, { body: [] });
  });

  test('whom Bob ignores he does not hear', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await bob.put(`/user/${bob.userId}/account_data/m.ignored_user_list`, { ignored_users: { [alice.userId]: {} } });
    await alice.says('psst', room);
    const { chunk } = await bob.get(`/rooms/${encodeURIComponent(room)}/messages`, { dir: 'b' });
    assert.ok(!chunk.some(({ type }: { type: string }) => type === 'm.room.message'));
  });
});
