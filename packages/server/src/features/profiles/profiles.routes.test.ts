import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing';

forEachHomeserver('profiles over HTTP', ({ test, testWith }) => {
  test("Alice's new name reaches Bob", async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await bob.joins(room);
    await bob.syncs();
    const path = `/profile/${alice.userId}`;
    assert.deepEqual(await bob.get(path), { displayname: alice.localpart });
    await alice.put(`${path}/displayname`, { displayname: 'Alice' });
    await alice.put(`${path}/avatar_url`, { avatar_url: 'mxc://example.com/abc' });
    await alice.put(`${path}/m.tz`, { 'm.tz': 'Europe/Berlin' });
    const member = await bob.syncsUntil((answer) =>
      answer.rooms?.join?.[room]?.timeline?.events.find(
        (event: { type: string; content: { avatar_url?: string } }) => event.content.avatar_url !== undefined,
      ),
    );
    assert.deepEqual(member.content, { membership: 'join', displayname: 'Alice', avatar_url: 'mxc://example.com/abc' });
    assert.deepEqual((await homeserver.http.request('GET', path)).body, {
      displayname: 'Alice',
      avatar_url: 'mxc://example.com/abc',
      'm.tz': 'Europe/Berlin',
    });
    assert.deepEqual(await bob.get(`${path}/displayname`), { displayname: 'Alice' });
    await alice.ask('DELETE', `${path}/m.tz`);
    await bob.isRefused('GET', `${path}/m.tz`, { status: 404, errcode: 'M_NOT_FOUND' });
    await bob.isRefused('PUT', `${path}/displayname`, { status: 403, errcode: 'M_FORBIDDEN' }, { body: { displayname: 'X' } });
    await alice.isRefused('PUT', `${path}/displayname`, { status: 400, errcode: 'M_MISSING_PARAM' }, { body: {} });
    await bob.isRefused('GET', `/profile/${alice.userId}x`, { status: 404, errcode: 'M_NOT_FOUND' });
    // Who joins brings name and avatar along.
    const later = await bob.createsRoom({ preset: 'public_chat' });
    await alice.joins(later);
    const content = await alice.get(
      `/rooms/${encodeURIComponent(later)}/state/m.room.member/${encodeURIComponent(alice.userId)}`,
    );
    assert.deepEqual(content, { membership: 'join', displayname: 'Alice', avatar_url: 'mxc://example.com/abc' });
  });

  testWith('profiles are for users', { config: { require_auth_for_profile_requests: true } }, async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { status, body } = await homeserver.http.request('GET', `/profile/${alice.userId}`);
    assert.deepEqual([status, body.errcode], [401, 'M_MISSING_TOKEN']);
    assert.deepEqual(await alice.get(`/profile/${alice.userId}`), { displayname: alice.localpart });
  });
});
