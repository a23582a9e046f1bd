import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

const inRoom = (room: string, rest: string): string => `/rooms/${encodeURIComponent(room)}${rest}`;
const v1 = '/_matrix/client/v1';

function relates(relType: string, eventId: string, more: object = {}): object {
  return { 'm.relates_to': { rel_type: relType, event_id: eventId, ...more } };
}

function edit(eventId: string, body: string): object {
  return { msgtype: 'm.text', body: `* ${body}`, 'm.new_content': { msgtype: 'm.text', body }, ...relates('m.replace', eventId) };
}

function reply(root: string, body: string): object {
  return { msgtype: 'm.text', body, ...relates('m.thread', root) };
}

async function relationsOf(person: Person, room: string, eventId: string): Promise<any> {
  const event = await person.get(inRoom(room, `/event/${encodeURIComponent(eventId)}`));
  return event.unsigned?.['m.relations'];
}

async function children(person: Person, room: string, eventId: string, rest = '', query: Record<string, any> = {}): Promise<any> {
  return person.get(`${v1}${inRoom(room, `/relations/${encodeURIComponent(eventId)}${rest}`)}`, query);
}

const ids = (chunk: readonly { event_id: string }[]): string[] => chunk.map((event) => event.event_id);

forEachHomeserver('relations', ({ test }) => {
  test('Bob finds the latest of Alice’s edits beside her message, which itself stays as it was', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const message = await alice.says('I like cake', room);
    assert.equal(await relationsOf(bob, room, message), undefined);
    const first = await alice.sends(room, 'm.room.message', edit(message, 'I like chocolate cake'));
    const second = await alice.sends(room, 'm.room.message', edit(message, 'I like apple pie'));

    // Neither somebody else's edit nor one without new content nor one of another type counts.
    await bob.sends(room, 'm.room.message', edit(message, 'I like mud'));
    await alice.sends(room, 'm.room.message', { msgtype: 'm.text', body: 'no', ...relates('m.replace', message) });
    await alice.sends(room, 'org.example.other', edit(message, 'other'));
    const event = await bob.get(inRoom(room, `/event/${encodeURIComponent(message)}`));
    assert.equal(event.content.body, 'I like cake');
    assert.equal(event.unsigned['m.relations']['m.replace'].event_id, second);
    assert.equal(event.unsigned['m.relations']['m.replace'].content['m.new_content'].body, 'I like apple pie');

    // An edit cannot be edited.
    await alice.sends(room, 'm.room.message', edit(second, 'I like soup'));
    assert.equal(await relationsOf(bob, room, second), undefined);

    // Without the last edit the one before it counts, and without the message none does.
    await alice.put(inRoom(room, `/redact/${encodeURIComponent(second)}/r1`));
    assert.equal((await relationsOf(bob, room, message))['m.replace'].event_id, first);
    await alice.put(inRoom(room, `/redact/${encodeURIComponent(message)}/r2`));
    assert.equal((await relationsOf(bob, room, message))?.['m.replace'], undefined);
  });

  test('an encrypted message has encrypted edits, which show no new content to the server', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const secret = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'A', session_id: 's' };
    const message = await alice.sends(room, 'm.room.encrypted', secret);
    const changed = await alice.sends(room, 'm.room.encrypted', { ...secret, ...relates('m.replace', message) });
    await alice.sends(room, 'm.room.message', edit(message, 'in the clear'));
    assert.equal((await relationsOf(bob, room, message))['m.replace'].event_id, changed);
  });

  test('who left learns of no edit, answer or reference that came later', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const message = await alice.says('We meet at noon', room);
    const before = await alice.sends(room, 'm.room.message', edit(message, 'We meet at one'));
    await bob.leaves(room);
    await alice.sends(room, 'm.room.message', edit(message, 'We meet without Bob'));
    await alice.sends(room, 'm.room.message', reply(message, 'He knows nothing'));
    await alice.sends(room, 'org.example.note', relates('m.reference', message));
    const known = await relationsOf(bob, room, message);
    assert.deepEqual(Object.keys(known), ['m.replace']);
    assert.equal(known['m.replace'].event_id, before);
    assert.deepEqual(ids((await children(bob, room, message)).chunk), [before]);
    assert.deepEqual((await bob.get(`${v1}${inRoom(room, '/threads')}`)).chunk, []);
    const answered = { dir: 'b', filter: JSON.stringify({ related_by_rel_types: ['m.thread', 'm.reference'] }) };
    assert.deepEqual((await bob.get(inRoom(room, '/messages'), answered)).chunk, []);
  });

  test('a thread tells how long it is, what came last, also in its edited form, and who took part', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const carol = await homeserver.person('carol');
    await carol.joins(room);
    const root = await alice.says('Where shall we meet?', room);
    await bob.sends(room, 'm.room.message', reply(root, 'At the lake'));
    const last = await bob.sends(room, 'm.room.message', reply(root, 'Or at hmoe'));
    const better = await bob.sends(room, 'm.room.message', edit(last, 'Or at home'));

    const thread = (await relationsOf(carol, room, root))['m.thread'];
    assert.equal(thread.count, 2);
    assert.equal(thread.latest_event.event_id, last);
    assert.equal(thread.latest_event.unsigned['m.relations']['m.replace'].event_id, better);
    assert.equal(thread.current_user_participated, false);
    for (const one of [alice, bob])
      assert.equal((await relationsOf(one, room, root))['m.thread'].current_user_participated, true);

    // Nothing hangs on a thread's event but what is no thread itself.
    await carol.isRefused(
      'PUT',
      inRoom(room, '/send/m.room.message/nested'),
      { status: 400, errcode: 'M_UNKNOWN' },
      { body: reply(last, 'nested') },
    );

    // Bob takes his last word back, and Carol stops listening to him.
    await bob.put(inRoom(room, `/redact/${encodeURIComponent(last)}/r1`));
    const shorter = (await relationsOf(alice, room, root))['m.thread'];
    assert.deepEqual([shorter.count, shorter.latest_event.content.body], [1, 'At the lake']);
    await carol.sends(room, 'm.room.message', reply(root, 'Here I am'));
    await carol.put(`/user/${encodeURIComponent(carol.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [bob.userId]: {} },
    });
    assert.equal((await relationsOf(alice, room, root))['m.thread'].count, 2);
    assert.equal((await relationsOf(carol, room, root))['m.thread'].count, 1);
  });

  test('threads are listed by their latest talk, page by page, all of them or one’s own', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const carol = await homeserver.person('carol');
    await carol.joins(room);
    const roots: string[] = [];
    for (const topic of ['one', 'two', 'three', 'four']) roots.push(await alice.says(topic, room));
    for (const root of roots) await bob.sends(room, 'm.room.message', reply(root, 'yes'));
    await carol.sends(room, 'm.room.message', reply(roots[1] as string, 'me too'));
    const path = `${v1}${inRoom(room, '/threads')}`;
    const bodies = (page: any): string[] => page.chunk.map((event: any) => event.content.body);

    const first = await alice.get(path, { limit: 3 });
    assert.deepEqual(bodies(first), ['two', 'four', 'three']);
    const second = await alice.get(path, { limit: 3, from: first.next_batch });
    assert.deepEqual(bodies(second), ['one']);
    assert.equal(second.next_batch, undefined);
    assert.deepEqual(bodies(await carol.get(path, { include: 'participated' })), ['two']);
    assert.deepEqual(bodies(await alice.get(path, { include: 'participated' })), ['two', 'four', 'three', 'one']);

    // The root of somebody whom Carol ignores is there without its content.
    await carol.put(`/user/${encodeURIComponent(carol.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [alice.userId]: {} },
    });
    const ofCarol = await carol.get(path);
    assert.deepEqual(ids(ofCarol.chunk), ids([...first.chunk, ...second.chunk]));
    assert.deepEqual(ofCarol.chunk[0].content, {});
    await alice.isRefused('GET', path, { status: 400, errcode: 'M_INVALID_PARAM' }, { query: { from: 'nonsense' } });
  });

  test('relations are listed by kind and type, in both directions, and as deep as three steps', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const poll = await alice.sends(room, 'org.example.poll', { question: 'Tea?' });
    const votes: string[] = [];
    for (let vote = 0; vote < 5; vote++) votes.push(await bob.sends(room, 'org.example.vote', relates('m.reference', poll)));
    const reaction = await bob.sends(room, 'm.reaction', relates('m.annotation', poll, { key: '🍵' }));
    const comment = await alice.sends(room, 'm.room.message', {
      msgtype: 'm.text',
      body: 'why?',
      ...relates('m.reference', poll),
    });

    assert.deepEqual(ids((await children(alice, room, poll)).chunk), [comment, reaction, ...votes.toReversed()]);
    assert.deepEqual(ids((await children(alice, room, poll, '/m.annotation')).chunk), [reaction]);
    assert.deepEqual(ids((await children(alice, room, poll, '/m.reference/m.room.message')).chunk), [comment]);
    assert.deepEqual((await children(alice, room, poll, '/org.example.unheard')).chunk, []);
    const oldest = await children(alice, room, poll, '/m.reference/org.example.vote', { dir: 'f', limit: 3 });
    assert.deepEqual(ids(oldest.chunk), votes.slice(0, 3));
    const rest = await children(alice, room, poll, '/m.reference/org.example.vote', {
      dir: 'f',
      limit: 3,
      from: oldest.next_batch,
    });
    assert.deepEqual(ids(rest.chunk), votes.slice(3));
    assert.equal(rest.next_batch, undefined);
    assert.equal(rest.prev_batch, oldest.next_batch);

    // Whoever asks for the poll gets the votes with it; reactions are not bundled.
    const bundled = await relationsOf(alice, room, poll);
    assert.deepEqual(ids(bundled['m.reference'].chunk), [...votes, comment]);
    assert.deepEqual(Object.keys(bundled), ['m.reference']);

    // A chain of four: the last link is too far.
    const links = [comment];
    for (let link = 0; link < 3; link++) {
      const next = { msgtype: 'm.text', body: `link ${link}`, ...relates('org.example.chain', links.at(-1) as string) };
      links.push(await alice.sends(room, 'm.room.message', next));
    }
    const deep = await children(alice, room, poll, '', { recurse: true, dir: 'f' });
    assert.deepEqual(ids(deep.chunk), [...votes, reaction, ...links.slice(0, 3)]);
    assert.equal(deep.recursion_depth, 3);
    // The kind is asked of every step: what hangs on a link of another kind is not found.
    assert.deepEqual(ids((await children(alice, room, poll, '/org.example.chain', { recurse: true })).chunk), []);
    assert.deepEqual(ids((await children(alice, room, comment, '/org.example.chain', { recurse: true, limit: 2 })).chunk), [
      links[3],
      links[2],
    ]);
  });

  test('the same reaction cannot be given twice, until it is taken back', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const message = await alice.says('Good news', room);
    const party = relates('m.annotation', message, { key: '🎉' });
    const first = await bob.sends(room, 'm.reaction', party);
    await alice.sends(room, 'm.reaction', party);
    const twice = { status: 400, errcode: 'M_DUPLICATE_ANNOTATION' };
    await bob.isRefused('PUT', inRoom(room, '/send/m.reaction/again'), twice, { body: party });
    await bob.put(inRoom(room, `/redact/${encodeURIComponent(first)}/back`));
    await bob.sends(room, 'm.reaction', party);
  });

  test('relations to events of other rooms, or to nothing at all, are none', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const elsewhere = await alice.createsRoom();
    const secret = await alice.says('secret', elsewhere);
    await bob.sends(room, 'm.room.message', reply(secret, 'I know'));
    await bob.sends(room, 'm.room.message', reply(`$${'x'.repeat(43)}`, 'to nothing'));
    for (const odd of [{ rel_type: 7, event_id: secret }, { rel_type: 'm.thread' }, 'm.thread', null]) {
      await bob.sends(room, 'm.room.message', { msgtype: 'm.text', body: 'odd', 'm.relates_to': odd });
    }
    assert.equal(await relationsOf(alice, elsewhere, secret), undefined);
    assert.deepEqual((await children(alice, elsewhere, secret)).chunk, []);
    assert.deepEqual((await alice.get(`${v1}${inRoom(room, '/threads')}`)).chunk, []);
  });

  test('filters find what somebody has related to', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const [plain, answered, edited] = [await alice.says('a', room), await alice.says('b', room), await alice.says('c', room)];
    await bob.sends(room, 'm.room.message', reply(answered, 'yes'));
    await alice.sends(room, 'm.room.message', edit(edited, 'd'));
    const found = async (filter: object): Promise<string[]> => {
      const page = await alice.get(inRoom(room, '/messages'), { dir: 'b', limit: 50, filter: JSON.stringify(filter) });
      return ids(page.chunk);
    };
    assert.deepEqual(await found({ related_by_rel_types: ['m.thread'] }), [answered]);
    assert.deepEqual(await found({ related_by_rel_types: ['m.thread', 'm.replace'] }), [edited, answered]);
    assert.deepEqual(await found({ related_by_senders: [bob.userId] }), [answered]);
    assert.ok((await found({})).includes(plain));
  });

  test('what was related before a restart still is', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const message = await alice.says('before', room);
    const first = await alice.sends(room, 'm.room.message', edit(message, 'still before'));
    await homeserver.restart();
    assert.equal((await relationsOf(bob, room, message))['m.replace'].event_id, first);
    const untouched = await alice.says('between', room);
    await homeserver.restart();
    // Asked for before there is anything, and after.
    assert.equal(await relationsOf(bob, room, untouched), undefined);
    const second = await alice.sends(room, 'm.room.message', edit(untouched, 'after'));
    assert.equal((await relationsOf(bob, room, untouched))['m.replace'].event_id, second);
  });
});
