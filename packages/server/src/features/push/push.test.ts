import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing';

interface Counts {
  readonly notification_count: number;
  readonly highlight_count: number;
}

interface JoinedRoom {
  readonly unread_notifications?: Counts;
  readonly unread_thread_notifications?: Readonly<Record<string, Counts>>;
}

interface SyncAnswer {
  readonly account_data?: { readonly events: readonly { type: string; content: { global: Record<string, unknown[]> } }[] };
  readonly rooms?: { readonly join?: Readonly<Record<string, JoinedRoom>> };
}

function unread(answer: SyncAnswer, room: string): [number, number] | undefined {
  const counts = answer.rooms?.join?.[room]?.unread_notifications;
  return counts && [counts.notification_count, counts.highlight_count];
}

forEachHomeserver('push rules and unread counts', ({ test }) => {
  test('Bob is told how much he has not read, and when he reads, his other device is told too', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const phone = await homeserver.anotherDeviceOf(bob);
    await Promise.all([bob.syncs(), phone.syncs()]);
    await alice.says('hello', room);
    await alice.sends(room, 'm.room.message', { msgtype: 'm.text', body: 'Bob?', 'm.mentions': { user_ids: [bob.userId] } });
    assert.deepEqual(unread(await bob.syncs(), room), [2, 1]);
    const last = await alice.says('so?', room);
    assert.deepEqual(unread(await phone.syncs(), room), [3, 1]);
    await bob.post(`/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(last)}`);
    assert.deepEqual(await phone.syncsUntil((answer: SyncAnswer) => unread(answer, room)), [0, 0]);
  });

  test('a thread that Bob has not opened is counted apart where his client asks for it', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const root = await alice.says('lunch?', room);
    await alice.sends(room, 'm.room.message', {
      msgtype: 'm.text',
      body: 'where?',
      'm.relates_to': { rel_type: 'm.thread', event_id: root },
    });
    assert.deepEqual(unread(await bob.syncs(), room), [2, 0]);
    const filter = JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } });
    const answer: SyncAnswer = await bob.get('/sync', { filter, timeout: 0 });
    assert.deepEqual(unread(answer, room), [1, 0]);
    assert.deepEqual(answer.rooms?.join?.[room]?.unread_thread_notifications, {
      [root]: { notification_count: 1, highlight_count: 0 },
    });
    const path = `/rooms/${encodeURIComponent(room)}/receipt/m.read.private/${encodeURIComponent(root)}`;
    await bob.post(path, { thread_id: 'main' });
    assert.deepEqual(unread(await bob.syncs(), room), [1, 0]);
  });

  test('Bob has a room muted, hears of it in his sync, and of nothing said there', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const first: SyncAnswer = await bob.syncs();
    assert.equal(first.account_data?.events.filter(({ type }) => type === 'm.push_rules').length, 1);
    const path = `/pushrules/global/room/${encodeURIComponent(room)}`;
    await bob.put(path, { actions: [] });
    const second: SyncAnswer = await bob.syncs();
    const rules = second.account_data?.events.find(({ type }) => type === 'm.push_rules')?.content.global;
    assert.deepEqual(rules?.['room'], [{ rule_id: room, default: false, enabled: true, actions: [] }]);
    await alice.says('nobody hears me', room);
    const third: SyncAnswer = await bob.syncs();
    assert.deepEqual(unread(third, room), [0, 0]);
    assert.equal(third.account_data?.events.some(({ type }) => type === 'm.push_rules') ?? false, false);

    await bob.put(`${path}/enabled`, { enabled: false });
    assert.deepEqual(await bob.get(`${path}/enabled`), { enabled: false });
    await alice.says('now he does', room);
    assert.deepEqual(unread(await bob.syncs(), room), [1, 0]);
    await bob.ask('DELETE', path);
    await bob.isRefused('GET', path, { status: 404, errcode: 'M_NOT_FOUND' });
    await bob.isRefused('DELETE', path, { status: 404, errcode: 'M_NOT_FOUND' });
  });

  test('rules stand in the order that Carol gives them, and the server keeps its own', async ({ homeserver }) => {
    const carol = await homeserver.person('carol');
    const pattern = (word: string) => ({ pattern: word, actions: ['notify'] });
    await carol.put('/pushrules/global/content/cake', pattern('cake'));
    await carol.put('/pushrules/global/content/tea', pattern('tea'));
    await carol.ask('PUT', '/pushrules/global/content/milk', { body: pattern('milk'), query: { after: 'cake' } });
    const order = async () => (await carol.get('/pushrules/')).global.content.map((rule: { rule_id: string }) => rule.rule_id);
    assert.deepEqual(await order(), ['tea', 'cake', 'milk']);
    await carol.put('/pushrules/global/override/.m.rule.suppress_notices/actions', { actions: ['notify'] });
    assert.deepEqual(await carol.get('/pushrules/global/override/.m.rule.suppress_notices/actions'), { actions: ['notify'] });
    assert.equal((await carol.get('/pushrules/global/override/.m.rule.suppress_notices')).default, true);
    const body = pattern('x');
    await carol.isRefused('PUT', '/pushrules/global/content/.mine', { status: 400, errcode: 'M_INVALID_PARAM' }, { body });
    await carol.isRefused(
      'PUT',
      '/pushrules/global/content/mine',
      { status: 400, errcode: 'M_UNKNOWN' },
      { body, query: { before: 'nobody' } },
    );
    await carol.isRefused('DELETE', '/pushrules/global/override/.m.rule.master', { status: 404, errcode: 'M_NOT_FOUND' });
    assert.deepEqual(
      await carol.get(`/user/${encodeURIComponent(carol.userId)}/account_data/m.push_rules`),
      await carol.get('/pushrules/'),
    );
  });
});
