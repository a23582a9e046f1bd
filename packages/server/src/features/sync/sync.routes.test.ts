import assert from 'node:assert/strict';

import { expectSyncToConverge, forEachHomeserver } from '@myelin/testing';

import { bodies } from './sync.fixture.ts';

forEachHomeserver('sync over HTTP', ({ test, testWith }) => {
  test('Bob hears what Alice says while he waits, and Alice knows her own message by its transaction', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await alice.syncs();
    await bob.syncs();
    const waiting = bob.waitsForSync();
    const eventId = await alice.says('hello', room);
    const heard = (await waiting).rooms.join[room].timeline.events[0];
    assert.equal(heard.event_id, eventId);
    assert.equal(heard.room_id, undefined);
    assert.equal(heard.unsigned.transaction_id, undefined);
    assert.equal(heard.unsigned.membership, 'join');
    assert.ok(heard.unsigned.age >= 0);
    const echo = (await alice.syncs()).rooms.join[room].timeline.events[0];
    assert.match(echo.unsigned.transaction_id, /^t/);
    const phone = await homeserver.anotherDeviceOf(alice);
    const onThePhone = (await phone.syncs()).rooms.join[room].timeline.events.at(-1);
    assert.equal(onThePhone.unsigned.transaction_id, undefined);
    await expectSyncToConverge(bob);
    await expectSyncToConverge(alice);
  });

  test('changed state says what it replaces', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const before = await alice.setsState(room, 'm.room.topic', { topic: 'tea' });
    await bob.syncs();
    await alice.setsState(room, 'm.room.topic', { topic: 'cake' });
    const { unsigned } = (await bob.syncs()).rooms.join[room].timeline.events[0];
    assert.deepEqual(unsigned.prev_content, { topic: 'tea' });
    assert.equal(unsigned.replaces_state, before);
    await expectSyncToConverge(bob);
  });

  test('a gap can be read back from prev_batch', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await bob.syncs();
    for (let index = 0; index < 6; index++) await alice.says(`message ${index}`, room);
    const filter = JSON.stringify({ room: { timeline: { limit: 2 } } });
    const { timeline } = (await bob.syncs({ filter })).rooms.join[room];
    assert.deepEqual(bodies(timeline.events), ['message 4', 'message 5']);
    assert.equal(timeline.limited, true);
    const page = await bob.get(`/rooms/${room}/messages`, { dir: 'b', from: timeline.prev_batch, limit: 4 });
    assert.deepEqual(bodies(page.chunk), ['message 3', 'message 2', 'message 1', 'message 0']);
    await expectSyncToConverge(bob);
  });

  test('what an event has become is told beside it only where there is a gap', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await bob.syncs();
    const since = bob.since;
    const message = await alice.says('helo', room);
    await alice.sends(room, 'm.room.message', {
      msgtype: 'm.text',
      body: '* hello',
      'm.new_content': { msgtype: 'm.text', body: 'hello' },
      'm.relates_to': { rel_type: 'm.replace', event_id: message },
    });
    const firstEvent = async (query: Record<string, unknown>) => {
      const { timeline } = (await bob.get('/sync', { ...query, filter: JSON.stringify(query['filter'] ?? {}) })).rooms.join[room];
      const [event] = timeline.events;
      assert.equal(event.event_id, message);
      return { limited: timeline.limited, edit: event.unsigned['m.relations']?.['m.replace'].content['m.new_content'].body };
    };
    assert.deepEqual(await firstEvent({ since }), { limited: false, edit: undefined });
    assert.deepEqual(await firstEvent({ filter: { room: { timeline: { limit: 2 } } } }), { limited: true, edit: 'hello' });
  });

  test('a stored filter is used by its id, and the same filter has one id', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await alice.says('hello', room);
    const path = `/user/${bob.userId}/filter`;
    const filter = { room: { timeline: { limit: 1, types: ['m.room.message'] } } };
    const { filter_id: id } = await bob.post(path, filter);
    assert.equal((await bob.post(path, filter)).filter_id, id);
    assert.deepEqual(await bob.get(`${path}/${id}`), filter);
    assert.deepEqual(bodies((await bob.syncs({ filter: id })).rooms.join[room].timeline.events), ['hello']);
    await bob.isRefused('GET', `${path}/7000`, { status: 404, errcode: 'M_NOT_FOUND' });
    await alice.isRefused('GET', `${path}/${id}`, { status: 403, errcode: 'M_FORBIDDEN' });
    await bob.isRefused('POST', path, { status: 400, errcode: 'M_BAD_JSON' }, { body: { room: { timeline: { limit: -1 } } } });
    await bob.isRefused('GET', '/sync', { status: 400, errcode: 'M_INVALID_PARAM' }, { query: { filter: '7000' } });
    await bob.isRefused('GET', '/sync', { status: 400, errcode: 'M_INVALID_PARAM' }, { query: { filter: '{' } });
  });

  test('tokens that are not ours are refused', async ({ homeserver }) => {
    const bob = await homeserver.person('bob');
    for (const since of ['nonsense', 't3-4', 's-1']) {
      await bob.isRefused('GET', '/sync', { status: 400, errcode: 'M_INVALID_PARAM' }, { query: { since } });
    }
  });

  test('who asks the same again is answered the same', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const { next_batch: since } = await bob.syncs();
    await alice.says('one', room);
    const first = await bob.get('/sync', { since, timeout: 0 });
    await alice.says('two', room);
    assert.deepEqual(await bob.get('/sync', { since, timeout: 0 }), first);
    const rest = await bob.get('/sync', { since: first.next_batch, timeout: 0 });
    assert.deepEqual(bodies(rest.rooms.join[room].timeline.events), ['two']);
  });

  test('a knock shows what may be known of the room, until it is taken back', async ({ homeserver }) => {
    const [alice, mallory] = [await homeserver.person('alice'), await homeserver.person('mallory')];
    const room = await alice.createsRoom({
      name: 'Den',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    });
    await mallory.syncs();
    await mallory.post(`/knock/${encodeURIComponent(room)}`);
    const { events } = (await mallory.syncs()).rooms.knock[room].knock_state;
    assert.ok(events.some((event: any) => event.content.name === 'Den'));
    await expectSyncToConverge(mallory);
    await mallory.leaves(room);
    assert.ok((await mallory.syncs()).rooms.leave[room]);
    await expectSyncToConverge(mallory);
  });

  test('receipts, account data and counts reach a client that follows as they reach a fresh one', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await bob.syncs();
    await alice.says('one', room);
    const two = await alice.says('two', room);
    const counted = (await bob.syncs()).rooms.join[room].unread_notifications;
    assert.equal(counted.notification_count, 2);
    await expectSyncToConverge(bob);
    await bob.post(`/rooms/${room}/receipt/m.read/${two}`);
    await bob.put(`/user/${bob.userId}/account_data/org.example.tea`, { sugar: 2 });
    await bob.put(`/user/${bob.userId}/rooms/${room}/account_data/org.example.tea`, { sugar: 1 });
    await bob.put(`/user/${bob.userId}/rooms/${room}/tags/m.favourite`, { order: 0.5 });
    const news = await bob.syncs();
    assert.equal(news.rooms.join[room].unread_notifications.notification_count, 0);
    assert.deepEqual(bodies(news.rooms.join[room].account_data.events).sort(), ['m.tag', 'org.example.tea']);
    assert.ok((await alice.syncs()).rooms.join[room].ephemeral.events[0].content[two]['m.read'][bob.userId]);
    await expectSyncToConverge(bob);
    await expectSyncToConverge(alice);
    await bob.leaves(room);
    await bob.syncs();
    await bob.joins(room);
    assert.deepEqual(bodies((await bob.syncs()).rooms.join[room].account_data.events).sort(), ['m.tag', 'org.example.tea']);
    await expectSyncToConverge(bob);
  });

  testWith(
    'nothing is kept for a client that asks again where the configuration says so',
    {
      config: { caches: { sync_response_cache_duration: 0 }, filter_timeline_limit: 2 },
    },
    async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      const { next_batch: since } = await bob.syncs();
      const heard = async (): Promise<string[]> =>
        bodies((await bob.get('/sync', { since, timeout: 0 })).rooms.join[room].timeline.events);
      await alice.says('one', room);
      assert.deepEqual(await heard(), ['one']);
      await alice.says('two', room);
      await alice.says('three', room);
      assert.deepEqual(await heard(), ['two', 'three']);
    },
  );

  testWith('a client goes on after a restart', {}, async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await bob.syncs();
    await alice.says('before', room);
    await homeserver.restart();
    await alice.says('after', room);
    assert.deepEqual(bodies((await bob.syncs()).rooms.join[room].timeline.events), ['before', 'after']);
    await expectSyncToConverge(bob);
  });
});
