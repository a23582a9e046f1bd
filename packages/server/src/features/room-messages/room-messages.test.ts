import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

const eventOf = (viewer: Person, room: string, eventId: string): Promise<any> =>
  viewer.get(`/rooms/${room}/event/${encodeURIComponent(eventId)}`);

const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
const notFound = { status: 404, errcode: 'M_NOT_FOUND' };
const badJson = { status: 400, errcode: 'M_BAD_JSON' };
const invalidParam = { status: 400, errcode: 'M_INVALID_PARAM' };
const tooLarge = { status: 413, errcode: 'M_TOO_LARGE' };

forEachHomeserver('room messages', ({ test, testWith }) => {
  testWith('asking twice with one transaction id sends once, also after a restart', {}, async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const sends = (person: Person, txn: string, path = `send/m.room.message`): Promise<string> =>
      person.put(`/rooms/${room}/${path}/${txn}`, { msgtype: 'm.text', body: 'hello' }).then(({ event_id }) => event_id);
    const [first, second] = await Promise.all([sends(alice, 'one'), sends(alice, 'one')]);
    assert.equal(first, second, 'at the same time');
    assert.equal(await sends(alice, 'one'), first, 'later');
    await homeserver.restart();
    assert.equal(await sends(alice, 'one'), first, 'after a restart');

    assert.notEqual(await sends(alice, 'two'), first, 'another id');
    assert.notEqual(await sends(bob, 'one'), first, 'another user');
    assert.notEqual(await sends(await homeserver.anotherDeviceOf(alice), 'one'), first, 'another device');
    assert.notEqual(await sends(alice, 'one', 'send/org.example.note'), first, 'another type');
    const other = await alice.createsRoom();
    const elsewhere = await alice.put(`/rooms/${other}/send/m.room.message/one`, { body: 'hello' });
    assert.notEqual(elsewhere.event_id, first, 'another room');
    const old = await alice.put(`/_matrix/client/r0/rooms/${room}/send/m.room.message/one`, { body: 'hello' });
    assert.equal(old.event_id, first, 'an older name of the same path');
  });

  test('the device that has sent an event, and no other, is told its transaction id', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const phone = await homeserver.anotherDeviceOf(alice);
    const { event_id: sent } = await alice.put(`/rooms/${room}/send/m.room.message/mine`, { body: 'hello' });
    assert.equal((await eventOf(alice, room, sent)).unsigned.transaction_id, 'mine');
    assert.equal((await eventOf(phone, room, sent)).unsigned.transaction_id, undefined);
    assert.equal((await eventOf(bob, room, sent)).unsigned.transaction_id, undefined);
    const { event_id: redaction } = await alice.put(`/rooms/${room}/redact/${encodeURIComponent(sent)}/mine`);
    assert.equal((await eventOf(alice, room, redaction)).unsigned.transaction_id, 'mine');
    assert.equal((await alice.put(`/rooms/${room}/redact/${encodeURIComponent(sent)}/mine`)).event_id, redaction);
  });

  test('a refused message leaves its transaction id free', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await alice.setsState(room, 'm.room.power_levels', { events_default: 50 });
    const path = `/rooms/${room}/send/m.room.message/one`;
    await bob.isRefused('PUT', path, forbidden, { body: { body: 'hello' } });
    await alice.setsState(room, 'm.room.power_levels', {});
    assert.match((await bob.put(path, { body: 'hello' })).event_id, /^\$/);
  });

  test('what is too large, is no JSON for the room, or has no business there, is refused', async ({ homeserver }) => {
    const { alice, room } = await homeserver.twoFriendsInARoom();
    const mallory = await homeserver.person('mallory');
    const send = `/rooms/${room}/send/m.room.message/x`;
    await mallory.isRefused('PUT', send, forbidden, { body: {} });
    await alice.isRefused('PUT', '/rooms/!none:hive.example/send/m.room.message/x', notFound, { body: {} });
    await alice.isRefused('PUT', send, tooLarge, { body: { body: 'x'.repeat(65_536) } });
    await alice.isRefused('PUT', send, badJson, { body: { price: 1.5 } });
    await alice.isRefused('PUT', send, badJson, { body: [] });
    await alice.isRefused('PUT', send, { status: 400, errcode: 'M_NOT_JSON' }, { body: '{' });
    const state = `/rooms/${room}/state/org.example.note`;
    await alice.isRefused('PUT', `${state}/${'é'.repeat(128)}`, tooLarge, { body: {} });
    await alice.isRefused('PUT', `${state}/@mallory:hive.example`, forbidden, { body: {} });
    await alice.isRefused('PUT', `/rooms/${room}/state/m.room.create`, forbidden, { body: {} });
    await alice.isRefused('PUT', `/rooms/${room}/state/m.room.power_levels`, forbidden, { body: { ban: 'many' } });
  });

  test('state is set under a key, an empty key, or none', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const path = `/rooms/${room}/state/org.example.note`;
    const { event_id: first } = await alice.put(path, { text: 'one' });
    assert.equal((await alice.put(`${path}/`, { text: 'one' })).event_id, first, 'what is set already is not set again');
    const { event_id: second } = await alice.put(`${path}/`, { text: 'two' });
    assert.notEqual(second, first);
    await alice.put(`${path}/a%2Fb`, { text: 'three' });
    assert.deepEqual(await bob.get(path), { text: 'two' });
    assert.deepEqual(await bob.get(`${path}/a%2Fb`), { text: 'three' });
    await bob.isRefused('PUT', path, forbidden, { body: { text: 'four' } });
    await bob.put(`/rooms/${room}/send/org.example.note/t`, { text: 'no state, so he may' });
  });

  test('only application services choose the time of an event', async ({ homeserver }) => {
    const { alice, room } = await homeserver.twoFriendsInARoom();
    const { event_id: sent } = await alice.ask('PUT', `/rooms/${room}/send/m.room.message/t`, { body: {}, query: { ts: 1234 } });
    assert.notEqual((await eventOf(alice, room, sent)).origin_server_ts, 1234);
  });

  test('a canonical alias must lead to the room, and ACLs must not shut this server out', async ({ homeserver }) => {
    const { alice, room } = await homeserver.twoFriendsInARoom();
    const alias = `/rooms/${room}/state/m.room.canonical_alias`;
    const badAlias = { status: 400, errcode: 'M_BAD_ALIAS' };
    await alice.isRefused('PUT', alias, badAlias, { body: { alias: '#nowhere:hive.example' } });
    await alice.isRefused('PUT', alias, badAlias, { body: { alt_aliases: ['#nowhere:hive.example'] } });
    await alice.isRefused('PUT', alias, invalidParam, { body: { alias: 'nowhere' } });
    await alice.isRefused('PUT', alias, badJson, { body: { alt_aliases: '#nowhere:hive.example' } });
    await alice.put(alias, {});
    const acl = `/rooms/${room}/state/m.room.server_acl`;
    await alice.isRefused('PUT', acl, invalidParam, { body: { allow: ['*'], deny: ['hive.*'] } });
    await alice.put(acl, { allow: ['*'], deny: ['evil.example'] });
  });

  for (const version of ['1', '6', '11', '12']) {
    test(`in version ${version} people redact their own events, moderators those of all`, async ({ homeserver }) => {
      const [alice, bob] = await Promise.all([homeserver.person('alice'), homeserver.person('bob')]);
      const room = await alice.createsRoom({ room_version: version, preset: 'public_chat' });
      await bob.joins(room);
      const redacts = (person: Person, eventId: string, body = {}): Promise<any> =>
        person.put(`/rooms/${room}/redact/${encodeURIComponent(eventId)}/${encodeURIComponent(eventId)}`, body);
      const secret = await bob.says('a secret', room);
      const { event_id: redaction } = await redacts(bob, secret, { reason: 'slip of the tongue' });
      const seen = await eventOf(alice, room, secret);
      assert.deepEqual(seen.content, {});
      assert.equal(seen.unsigned.redacted_because.event_id, redaction);
      assert.equal(seen.unsigned.redacted_because.content.reason, 'slip of the tongue');
      // Wherever the room version keeps it, clients of all ages find it.
      const asSeen = await eventOf(alice, room, redaction);
      assert.deepEqual([asSeen.redacts, asSeen.content.redacts], [secret, secret]);

      const rude = await bob.says('rude', room);
      await redacts(alice, rude);
      assert.deepEqual((await eventOf(bob, room, rude)).content, {});

      const law = await alice.says('the law', room);
      const path = `/rooms/${room}/redact/${encodeURIComponent(law)}/x`;
      await bob.isRefused('PUT', path, forbidden, { body: {} });
      const unknown = encodeURIComponent(version === '1' ? '$unknown:hive.example' : `$${'x'.repeat(43)}`);
      await bob.isRefused('PUT', `/rooms/${room}/redact/${unknown}/x`, notFound, { body: {} });
      const bySend = `/rooms/${room}/send/m.room.redaction/y`;
      await bob.isRefused('PUT', bySend, forbidden, { body: { redacts: law } });
      await bob.isRefused('PUT', bySend, badJson, { body: {} });
      await alice.put(bySend, { redacts: law, reason: 'repealed' });
      const repealed = await eventOf(bob, room, law);
      assert.deepEqual([repealed.content, repealed.unsigned.redacted_because.content.reason], [{}, 'repealed']);
    });
  }

  test('a room’s first event and its ACLs stay; events of other rooms are not reached', async ({ homeserver }) => {
    const { alice, room } = await homeserver.twoFriendsInARoom();
    const { event_id: create } = await alice.get(`/rooms/${room}/state/m.room.create`, { format: 'event' });
    const acl = await alice.setsState(room, 'm.room.server_acl', { allow: ['*'] });
    for (const eventId of [create, acl]) {
      await alice.isRefused('PUT', `/rooms/${room}/redact/${encodeURIComponent(eventId)}/${eventId}`, forbidden, { body: {} });
    }
    const other = await alice.createsRoom();
    const elsewhere = encodeURIComponent(await alice.says('elsewhere', other));
    await alice.isRefused('PUT', `/rooms/${room}/redact/${elsewhere}/x`, invalidParam, { body: {} });
  });

  test('one reaction of a kind to an event, until it is taken back', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const message = await alice.says('hello', room);
    const likes = (event_id: string, key = '👍'): unknown => ({
      'm.relates_to': { rel_type: 'm.annotation', event_id, key },
    });
    const first = await bob.sends(room, 'm.reaction', likes(message));
    const again = `/rooms/${room}/send/m.reaction/again`;
    await bob.isRefused('PUT', again, { status: 400, errcode: 'M_DUPLICATE_ANNOTATION' }, { body: likes(message) });
    await bob.sends(room, 'm.reaction', likes(message, '👎'));
    await alice.sends(room, 'm.reaction', likes(message));
    await bob.sends(room, 'm.reaction', likes(await alice.says('hello?', room)));
    await bob.put(`/rooms/${room}/redact/${encodeURIComponent(first)}/x`);
    await bob.put(again, likes(message));
  });

  test('of two reactions of a kind at the same moment one is taken', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const message = await alice.says('hello', room);
    const likes = { 'm.relates_to': { rel_type: 'm.annotation', event_id: message, key: '👍' } };
    const answers = await Promise.all(
      ['one', 'other'].map((txnId) => bob.request('PUT', `/rooms/${room}/send/m.reaction/${txnId}`, { body: likes })),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.ok(answers.some(({ body }) => body.errcode === 'M_DUPLICATE_ANNOTATION'));
  });

  test('a redaction takes along what relates to the event, if so asked', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const message = await alice.says('helo', room);
    const relates = (rel_type: string): unknown => ({ rel_type, event_id: message });
    const edit = await alice.sends(room, 'm.room.message', {
      body: '* hello',
      'm.new_content': { body: 'hello' },
      'm.relates_to': relates('m.replace'),
    });
    const answer = await bob.sends(room, 'm.room.message', { body: 'yes?', 'm.relates_to': relates('m.thread') });
    await alice.put(`/rooms/${room}/redact/${encodeURIComponent(message)}/x`, { with_rel_types: ['m.replace'] });
    assert.deepEqual((await eventOf(bob, room, edit)).content, {});
    assert.equal((await eventOf(bob, room, answer)).content.body, 'yes?');
  });

  const counted = {
    rc_message: { per_second: 0.001, burst_count: 4 },
    rc_admin_redaction: { per_second: 0.001, burst_count: 2 },
  };
  testWith('messages are counted, and cleaning up after others is counted apart', { config: counted }, async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const spam: string[] = [];
    for (let i = 0; i < 4; i++) spam.push(encodeURIComponent(await bob.says('buy this', room)));
    const tooMuch = { status: 429, errcode: 'M_LIMIT_EXCEEDED' };
    await bob.isRefused('PUT', `/rooms/${room}/send/m.room.message/x`, tooMuch, { body: {} });
    await bob.isRefused('PUT', `/rooms/${room}/redact/${spam[0]}/x`, tooMuch, { body: {} });
    await alice.put(`/rooms/${room}/redact/${spam[0]}/x`);
    await alice.put(`/rooms/${room}/redact/${spam[1]}/x`);
    await alice.isRefused('PUT', `/rooms/${room}/redact/${spam[2]}/x`, tooMuch, { body: {} });
    await alice.says('enough', room);
  });
});
