import assert from 'node:assert/strict';

import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing/homeserver';

import { mostEduBytes } from './direct-to-device.ts';
import { mostMessages } from './to-device.ts';

interface Message {
  readonly type: string;
  readonly sender: string;
  readonly content: { readonly n?: number; readonly text?: string };
}

const tea = 'org.example.tea';

const messagesIn = (answer: { to_device?: { events: Message[] } }): Message[] => answer.to_device?.events ?? [];
const textsIn = (answer: object): (string | undefined)[] => messagesIn(answer).map(({ content }) => content.text);
const to = (person: Person, text: string) => ({ [person.userId]: { [person.deviceId]: { text } } });

/** What a device that knows nothing yet is given: all that still waits. */
async function waitsFor(person: Person): Promise<(string | undefined)[]> {
  return textsIn(await person.get('/sync'));
}

async function aliceAndBob(homeserver: TestHomeserver): Promise<{ alice: Person; phone: Person; laptop: Person }> {
  const [alice, phone] = await Promise.all([homeserver.person('alice'), homeserver.person('bob')]);
  const laptop = await homeserver.anotherDeviceOf(phone);
  await Promise.all([alice.syncs(), phone.syncs(), laptop.syncs()]);
  return { alice, phone, laptop };
}

forEachHomeserver('messages to devices', ({ test, testWith }) => {
  test('a message reaches the devices that it names, and no other', async ({ homeserver }) => {
    const { alice, phone, laptop } = await aliceAndBob(homeserver);
    await alice.sendsToDevices(tea, {
      [phone.userId]: { [phone.deviceId]: { text: 'for the phone' }, NOSUCHDEVICE: { text: 'lost' } },
      [`@nobody:${homeserver.serverName}`]: { [phone.deviceId]: { text: 'lost' }, '*': { text: 'lost' } },
    });
    assert.deepEqual(messagesIn(await phone.syncs()), [{ type: tea, sender: alice.userId, content: { text: 'for the phone' } }]);
    assert.deepEqual(textsIn(await laptop.syncs()), []);
    assert.deepEqual(textsIn(await alice.syncs()), []);
  });

  test('a star is every device of that user, but for those with a message of their own', async ({ homeserver }) => {
    const { alice, phone, laptop } = await aliceAndBob(homeserver);
    await alice.sendsToDevices(tea, { [phone.userId]: { '*': { text: 'all' }, [laptop.deviceId]: { text: 'laptop' } } });
    assert.deepEqual(textsIn(await phone.syncs()), ['all']);
    assert.deepEqual(textsIn(await laptop.syncs()), ['laptop']);
    await phone.sendsToDevices(tea, { [phone.userId]: { '*': { text: 'mine' } } });
    assert.deepEqual(textsIn(await phone.syncs()), ['mine']);
    assert.deepEqual(textsIn(await laptop.syncs()), ['mine']);
  });

  test('a message ends the wait of the device that it is for', async ({ homeserver }) => {
    const { alice, phone } = await aliceAndBob(homeserver);
    const waits = phone.waitsForSync();
    await alice.sendsToDevices(tea, to(phone, 'hot'));
    assert.deepEqual(textsIn(await waits), ['hot']);
  });

  test('the same token is given the same messages; the next one deletes them', async ({ homeserver }) => {
    const { alice, phone } = await aliceAndBob(homeserver);
    const { since } = phone;
    assert.ok(since);
    await alice.sendsToDevices(tea, to(phone, 'first'));
    await alice.sendsToDevices(tea, to(phone, 'second'));
    const given = await phone.get('/sync', { since });
    assert.deepEqual(textsIn(given), ['first', 'second']);
    assert.deepEqual(textsIn(await phone.get('/sync', { since, full_state: 'true' })), ['first', 'second']);
    await alice.sendsToDevices(tea, to(phone, 'third'));
    assert.deepEqual(await waitsFor(phone), ['first', 'second', 'third']);
    const next = await phone.get('/sync', { since: given.next_batch });
    assert.deepEqual(textsIn(next), ['third']);
    assert.deepEqual(await waitsFor(phone), ['third']);
    await phone.get('/sync', { since: next.next_batch });
    assert.deepEqual(await waitsFor(phone), []);
  });

  test("what Bob's phone has taken still waits for his laptop", async ({ homeserver }) => {
    const { alice, phone, laptop } = await aliceAndBob(homeserver);
    await alice.sendsToDevices(tea, { [phone.userId]: { '*': { text: 'both' } } });
    await phone.syncs();
    await phone.syncs();
    assert.deepEqual(await waitsFor(phone), []);
    assert.deepEqual(textsIn(await laptop.syncs()), ['both']);
  });

  test('a long queue comes in parts and in order, and nothing beside it is told twice or not at all', async ({ homeserver }) => {
    const { alice, phone } = await aliceAndBob(homeserver);
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await phone.joins(room);
    await phone.syncs();
    for (let n = 0; n < 230; n++) {
      await alice.sendsToDevices(tea, { [phone.userId]: { [phone.deviceId]: { n } } });
    }
    const said = await alice.says('look at your messages', room);
    const numbers: (number | undefined)[][] = [];
    const seen: string[] = [];
    for (let round = 0; round < 4; round++) {
      // It must not wait where more is there already.
      const answer = await (round < 3 ? phone.waitsForSync() : phone.syncs());
      numbers.push(messagesIn(answer).map(({ content }) => content.n));
      for (const { event_id: id } of answer.rooms?.join?.[room]?.timeline?.events ?? []) seen.push(id);
    }
    assert.deepEqual(
      numbers.map((some) => some.length),
      [100, 100, 30, 0],
    );
    assert.deepEqual(
      numbers.flat(),
      Array.from({ length: 230 }, (_, n) => n),
    );
    assert.deepEqual(seen, [said]);
  });

  test('a first sync gives a long queue in parts as well', async ({ homeserver }) => {
    const { alice, phone, laptop } = await aliceAndBob(homeserver);
    for (let n = 0; n < 120; n++) await alice.sendsToDevices(tea, { [phone.userId]: { '*': { n } } });
    const first = await laptop.get('/sync');
    const second = await laptop.get('/sync', { since: first.next_batch });
    const numbers = [...messagesIn(first), ...messagesIn(second)].map(({ content }) => content.n);
    assert.deepEqual(
      numbers,
      Array.from({ length: 120 }, (_, n) => n),
    );
  });

  test('a transaction id delivers once, whether it comes at once, later, or for something else', async ({ homeserver }) => {
    const { alice, phone } = await aliceAndBob(homeserver);
    const tablet = await homeserver.anotherDeviceOf(alice);
    await Promise.all([1, 2, 3].map(() => alice.sendsToDevices(tea, to(phone, 'once'), 'same')));
    await alice.sendsToDevices(tea, to(phone, 'not again'), 'same');
    await alice.sendsToDevices('org.example.coffee', to(phone, 'another type'), 'same');
    await tablet.sendsToDevices(tea, to(phone, 'another device'), 'same');
    assert.deepEqual(textsIn(await phone.syncs()), ['once', 'another type', 'another device']);
  });

  test('many who send at the same time are heard, each in order, however the device syncs meanwhile', async ({ homeserver }) => {
    const { phone } = await aliceAndBob(homeserver);
    const senders = await Promise.all(Array.from({ length: 6 }, () => homeserver.person('sender')));
    const sending = Promise.all(
      senders.map(async (sender) => {
        for (let n = 0; n < 40; n++) await sender.sendsToDevices(tea, { [phone.userId]: { [phone.deviceId]: { n } } });
      }),
    );
    const heard = new Map<string, (number | undefined)[]>(senders.map(({ userId }) => [userId, []]));
    const total = (): number => [...heard.values()].reduce((sum, list) => sum + list.length, 0);
    while (total() < senders.length * 40) {
      for (const { sender, content } of messagesIn(await phone.waitsForSync())) heard.get(sender)?.push(content.n);
    }
    await sending;
    const inOrder = Array.from({ length: 40 }, (_, n) => n);
    for (const numbers of heard.values()) assert.deepEqual(numbers, inOrder);
    await phone.syncs();
    assert.deepEqual(await waitsFor(phone), []);
  });

  test('a device that is logged out takes its messages with it', async ({ homeserver }) => {
    const { alice, phone, laptop } = await aliceAndBob(homeserver);
    await alice.sendsToDevices(tea, { [phone.userId]: { '*': { text: 'secret' } } });
    await laptop.post('/logout');
    const login = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: phone.userId },
      password: phone.password,
      device_id: laptop.deviceId,
    };
    const { body } = await homeserver.request('POST', '/login', { body: login });
    const again = await homeserver.request('GET', '/sync', { token: body.access_token });
    assert.deepEqual(textsIn(again.body), []);
    assert.deepEqual(await waitsFor(phone), ['secret']);
  });

  test('what cannot be is refused, and delivers nothing', async ({ homeserver }) => {
    const { alice, phone } = await aliceAndBob(homeserver);
    const refused = (messages: unknown, status: number, errcode: string) =>
      alice.isRefused('PUT', `/sendToDevice/${tea}/bad`, { status, errcode }, { body: { messages } });
    await alice.isRefused('PUT', `/sendToDevice/${tea}/bad`, { status: 400, errcode: 'M_BAD_JSON' }, { body: {} });
    await refused([], 400, 'M_BAD_JSON');
    await refused({ [phone.userId]: 'hello' }, 400, 'M_BAD_JSON');
    await refused({ [phone.userId]: { [phone.deviceId]: 'hello' } }, 400, 'M_BAD_JSON');
    await refused({ ...to(phone, 'good'), bob: { '*': {} } }, 400, 'M_INVALID_PARAM');
    // Clients that are strict about Unicode could not read a sync with this in it, and no server could sign it.
    await refused(to(phone, '\ud800'), 400, 'M_BAD_JSON');
    await refused({ '@bob:elsewhere.example': { DEVICE: { text: '\ud800' } } }, 400, 'M_BAD_JSON');
    await refused({ '@bob:elsewhere.example': { 'D\ud800': {} } }, 400, 'M_INVALID_PARAM');
    // Not every server spells a fraction as we do: it would take our signature for a forged one.
    await refused({ ...to(phone, 'good'), '@bob:elsewhere.example': { DEVICE: { n: 1e-7 } } }, 400, 'M_BAD_JSON');
    await refused(to(phone, 'x'.repeat(mostEduBytes)), 413, 'M_TOO_LARGE');
    await refused({ '@bob:elsewhere.example': { DEVICE: { text: 'x'.repeat(mostEduBytes) } } }, 413, 'M_TOO_LARGE');
    const many = Object.fromEntries(Array.from({ length: mostMessages + 1 }, (_, n) => [`D${n}`, {}]));
    await refused({ '@bob:elsewhere.example': many }, 413, 'M_TOO_LARGE');
    await alice.isRefused(
      'PUT',
      `/sendToDevice/${'t'.repeat(256)}/bad`,
      { status: 400, errcode: 'M_INVALID_PARAM' },
      { body: {} },
    );
    assert.deepEqual(await waitsFor(phone), []);
    // The transaction id has not been used up.
    await alice.sendsToDevices(tea, to(phone, 'good'), 'bad');
    assert.deepEqual(await waitsFor(phone), ['good']);
  });

  testWith(
    'requests for keys are limited, other messages are not',
    { config: { rc_key_requests: { per_second: 0.001, burst_count: 3 } } },
    async ({ homeserver }) => {
      const { alice, phone, laptop } = await aliceAndBob(homeserver);
      const request = 'm.room_key_request';
      for (let n = 0; n < 3; n++) await alice.sendsToDevices(request, to(phone, `${n}`));
      const path = `/sendToDevice/${request}/more`;
      await alice.isRefused('PUT', path, { status: 429, errcode: 'M_LIMIT_EXCEEDED' }, { body: { messages: to(phone, '3') } });
      await alice.sendsToDevices(tea, to(phone, 'tea'));
      // One's own devices may be asked at any time.
      for (let n = 0; n < 5; n++) await phone.sendsToDevices(request, to(laptop, `${n}`));
      assert.deepEqual(textsIn(await phone.syncs()), ['0', '1', '2', 'tea']);
      assert.equal(textsIn(await laptop.syncs()).length, 5);
    },
  );

  testWith(
    'nobody has messages wait for countless servers of which nothing was ever heard',
    { config: { rc_unknown_servers: { per_second: 0.001, burst_count: 3 } } },
    async ({ homeserver }) => {
      const { alice, phone } = await aliceAndBob(homeserver);
      const madeUp = (...names: string[]) =>
        Object.fromEntries(names.map((name) => [`@x:${name}.invalid`, { D: { text: 'x' } }]));
      await alice.sendsToDevices(tea, { ...madeUp('a', 'b'), ...to(phone, 'one') });
      const refused = { status: 429, errcode: 'M_LIMIT_EXCEEDED' };
      const body = { messages: { ...madeUp('c', 'd'), ...to(phone, 'two') } };
      await alice.isRefused('PUT', `/sendToDevice/${tea}/more`, refused, { body });
      // What is known of the first two is not counted again.
      await alice.sendsToDevices(tea, { ...madeUp('a', 'b'), ...to(phone, 'three') });
      const wanted = (value: unknown) => Object.fromEntries(['e', 'f'].map((name) => [`@x:${name}.invalid`, value]));
      await alice.isRefused('POST', '/keys/query', refused, { body: { device_keys: wanted([]) } });
      await alice.isRefused('POST', '/keys/claim', refused, { body: { one_time_keys: wanted({ D: 'signed_curve25519' }) } });
      await alice.isRefused('POST', '/keys/signatures/upload', refused, { body: wanted({ KEY: {} }) });
      assert.deepEqual(textsIn(await phone.syncs()), ['one', 'three']);
    },
  );

  testWith('guests may send', { config: { allow_guest_access: true } }, async ({ homeserver }) => {
    const [bob, guest] = [await homeserver.person('bob'), await homeserver.guest()];
    await guest.sendsToDevices(tea, to(bob, 'may I come in?'));
    assert.deepEqual(await waitsFor(bob), ['may I come in?']);
  });

  testWith(
    'after a restart nothing is lost, nothing comes twice, and no old token covers what is new',
    {},
    async ({ homeserver }) => {
      const { alice, phone } = await aliceAndBob(homeserver);
      await alice.sendsToDevices(tea, to(phone, 'taken'), 'before');
      await phone.syncs();
      await phone.syncs();
      assert.deepEqual(await waitsFor(phone), []);
      await homeserver.restart();
      await alice.sendsToDevices(tea, to(phone, 'twice'), 'before');
      await alice.sendsToDevices(tea, to(phone, 'new'));
      assert.deepEqual(textsIn(await phone.syncs()), ['new']);
      await homeserver.restart();
      assert.deepEqual(await waitsFor(phone), ['new']);
      assert.deepEqual(textsIn(await phone.syncs()), []);
      assert.deepEqual(await waitsFor(phone), []);
    },
  );
});
