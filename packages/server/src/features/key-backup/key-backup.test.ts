import assert from 'node:assert/strict';
import { test } from 'node:test';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

import { isBetterKey } from './better-key.ts';

const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2';
const authDataOf = (name: string) => ({ public_key: name, signatures: { '@alice:hive.example': { 'ed25519:PHONE': 'sig' } } });
const lounge = '!lounge:hive.example';
const kitchen = '!kitchen:hive.example';

interface Standing {
  readonly index?: number;
  readonly forwarded?: number;
  readonly verified?: boolean;
}

/** What a device writes about the key of a session. */
const keyOf = (text: string, { index = 0, forwarded = 0, verified = false }: Standing = {}) => ({
  first_message_index: index,
  forwarded_count: forwarded,
  is_verified: verified,
  session_data: { ephemeral: 'e', ciphertext: text, mac: 'm' },
});

const keyPath = (...parts: string[]) => ['/room_keys/keys', ...parts.map(encodeURIComponent)].join('/');

async function makesABackup(person: Person, name = 'key'): Promise<string> {
  return (await person.post('/room_keys/version', { algorithm, auth_data: authDataOf(name) })).version;
}

const putsKeys = (person: Person, version: string, rooms: unknown) =>
  person.ask('PUT', '/room_keys/keys', { query: { version }, body: { rooms } });
const putsKey = (person: Person, version: string, room: string, session: string, key: unknown) =>
  person.ask('PUT', keyPath(room, session), { query: { version }, body: key });
const readsKey = (person: Person, version: string, room: string, session: string) =>
  person.get(keyPath(room, session), { version });

void test('a better key is a verified one, then one that reads more, then one that was passed on less often', () => {
  const standing = ({ index = 3, forwarded = 3, verified = false }: Standing) => ({
    firstMessageIndex: index,
    forwardedCount: forwarded,
    isVerified: verified,
  });
  const ranked: Standing[] = [
    { verified: true, index: 3, forwarded: 1 },
    { verified: true, index: 3, forwarded: 2 },
    { verified: true, index: 4, forwarded: 0 },
    { verified: false, index: 0, forwarded: 0 },
    { verified: false, index: 1, forwarded: 0 },
    { verified: false, index: 1, forwarded: 7 },
  ];
  for (const [place, better] of ranked.entries()) {
    assert.equal(isBetterKey(standing(better), standing(better)), false);
    for (const worse of ranked.slice(place + 1)) {
      assert.equal(isBetterKey(standing(better), standing(worse)), true);
      assert.equal(isBetterKey(standing(worse), standing(better)), false);
    }
  }
});

forEachHomeserver('key backup', ({ test, testWith }) => {
  test('Alice makes a backup, signs it anew and finds it on her laptop', async ({ homeserver }) => {
    const phone = await homeserver.person('alice');
    await phone.isRefused('GET', '/room_keys/version', { status: 404, errcode: 'M_NOT_FOUND' });
    const version = await makesABackup(phone);
    assert.equal(version, '1');
    const laptop = await homeserver.anotherDeviceOf(phone);
    const found = await laptop.get('/room_keys/version');
    assert.deepEqual(found, { algorithm, auth_data: authDataOf('key'), count: 0, etag: '0', version });
    await laptop.put(`/room_keys/version/${version}`, { algorithm, auth_data: authDataOf('new'), version });
    await laptop.put(`/room_keys/version/${version}`, { algorithm, auth_data: authDataOf('newer') });
    const signed = await phone.get(`/room_keys/version/${version}`);
    assert.deepEqual(signed, { ...found, auth_data: authDataOf('newer') });
    const wrong = { status: 400, errcode: 'M_INVALID_PARAM' };
    const path = `/room_keys/version/${version}`;
    await phone.isRefused('PUT', path, wrong, { body: { algorithm, auth_data: {}, version: '2' } });
    await phone.isRefused('PUT', path, wrong, { body: { algorithm: 'org.example.other', auth_data: {} } });
    const bad = { status: 400, errcode: 'M_BAD_JSON' };
    await phone.isRefused('PUT', path, bad, { body: { algorithm } });
    await phone.isRefused('POST', '/room_keys/version', bad, { body: { auth_data: {} } });
    const long = { body: { algorithm, auth_data: { public_key: 'x'.repeat(65_536) } } };
    await phone.isRefused('POST', '/room_keys/version', { status: 413, errcode: 'M_TOO_LARGE' }, long);
    await phone.isRefused('PUT', path, { status: 413, errcode: 'M_TOO_LARGE' }, long);
  });

  test('the numbers of deleted backups do not come again', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const notFound = { status: 404, errcode: 'M_NOT_FOUND' };
    assert.equal(await makesABackup(alice), '1');
    assert.equal(await makesABackup(alice), '2');
    await alice.ask('DELETE', '/room_keys/version/2');
    assert.equal((await alice.get('/room_keys/version')).version, '1', 'the newest of those that are left');
    await alice.ask('DELETE', '/room_keys/version/2');
    await alice.isRefused('GET', '/room_keys/version/2', notFound);
    await alice.isRefused('PUT', '/room_keys/version/2', notFound, { body: { algorithm, auth_data: {} } });
    assert.equal(await makesABackup(alice), '3');
    await alice.ask('DELETE', '/room_keys/version/3');
    await alice.ask('DELETE', '/room_keys/version/1');
    await alice.isRefused('GET', '/room_keys/version', notFound);
    for (const never of ['4', '0', '01', '-1', '1e0', 'first', '99999999999999999999'])
      await alice.isRefused('DELETE', `/room_keys/version/${never}`, notFound);
    assert.equal(await makesABackup(alice), '4');
  });

  test('keys are kept, read and deleted one by one, by room and all together', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const version = await makesABackup(alice);
    // Session ids are base64, slashes and all.
    assert.deepEqual(await putsKey(alice, version, lounge, 's/1+a', keyOf('one')), { etag: '1', count: 1 });
    const inRoom = { sessions: { s2: keyOf('two'), s3: keyOf('three', { index: 4, forwarded: 2, verified: true }) } };
    assert.deepEqual(await alice.ask('PUT', keyPath(lounge), { query: { version }, body: inRoom }), { etag: '2', count: 3 });
    const everywhere = { [kitchen]: { sessions: { s2: keyOf('elsewhere') } }, [lounge]: { sessions: { s4: keyOf('four') } } };
    assert.deepEqual(await putsKeys(alice, version, everywhere), { etag: '3', count: 5 });
    assert.deepEqual(await putsKeys(alice, version, {}), { etag: '3', count: 5 });

    assert.deepEqual(await readsKey(alice, version, lounge, 's/1+a'), keyOf('one'));
    const lounges = { sessions: { 's/1+a': keyOf('one'), ...inRoom.sessions, s4: keyOf('four') } };
    assert.deepEqual(await alice.get(keyPath(lounge), { version }), lounges);
    const all = { rooms: { [lounge]: lounges, [kitchen]: everywhere[kitchen] } };
    assert.deepEqual(await alice.get('/room_keys/keys', { version }), all);
    assert.deepEqual(await alice.get('/room_keys/version'), {
      ...(await alice.get('/room_keys/version/1')),
      count: 5,
      etag: '3',
    });

    const deletes = (...parts: string[]) => alice.ask('DELETE', keyPath(...parts), { query: { version } });
    assert.deepEqual(await deletes(lounge, 's2'), { etag: '4', count: 4 });
    assert.deepEqual(await deletes(lounge, 's2'), { etag: '4', count: 4 }, 'what changes nothing is no change');
    assert.deepEqual(await readsKey(alice, version, kitchen, 's2'), keyOf('elsewhere'), 'the same session elsewhere is another');
    assert.deepEqual(await deletes(lounge), { etag: '5', count: 1 });
    assert.deepEqual(await deletes(lounge), { etag: '5', count: 1 });
    assert.deepEqual(await deletes('!nowhere:hive.example'), { etag: '5', count: 1 });
    assert.deepEqual(await alice.get(keyPath(lounge), { version }), { sessions: {} });
    assert.deepEqual(await deletes(), { etag: '6', count: 0 });
    assert.deepEqual(await deletes(), { etag: '6', count: 0 });
    assert.deepEqual(await alice.get('/room_keys/keys', { version }), { rooms: {} });
    assert.deepEqual(await putsKey(alice, version, lounge, 's2', keyOf('again')), { etag: '7', count: 1 });
  });

  test('the better key stays, whichever came first', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const version = await makesABackup(alice);
    const worse = keyOf('worse', { index: 5, forwarded: 2, verified: false });
    const better = [
      keyOf('verified', { index: 9, forwarded: 9, verified: true }),
      keyOf('reads more', { index: 4, forwarded: 9 }),
      keyOf('passed on less', { index: 5, forwarded: 1 }),
    ];
    for (const [index, good] of better.entries()) {
      const [rising, falling] = [`rising ${index}`, `falling ${index}`];
      await putsKey(alice, version, lounge, rising, worse);
      const between = await putsKey(alice, version, lounge, falling, good);
      const replaced = await putsKey(alice, version, lounge, rising, good);
      assert.deepEqual(replaced, { etag: String(Number(between.etag) + 1), count: between.count });
      assert.deepEqual(await putsKey(alice, version, lounge, falling, worse), replaced, 'nothing has changed');
      assert.deepEqual(await putsKey(alice, version, lounge, falling, good), replaced, 'an equal key is not better');
      assert.deepEqual(await readsKey(alice, version, lounge, rising), good);
      assert.deepEqual(await readsKey(alice, version, lounge, falling), good);
    }
  });

  test('only the newest backup is written to; older ones can be read and emptied', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const old = await makesABackup(alice, 'old');
    await putsKey(alice, old, lounge, 's1', keyOf('one'));
    const current = await makesABackup(alice, 'current');
    const writes: [path: string, body: unknown][] = [
      [keyPath(lounge, 's2'), keyOf('two')],
      [keyPath(lounge), { sessions: { s2: keyOf('two') } }],
      [keyPath(), { rooms: { [lounge]: { sessions: { s2: keyOf('two') } } } }],
    ];
    for (const [path, body] of writes) {
      const wrong = await alice.isRefused(
        'PUT',
        path,
        { status: 403, errcode: 'M_WRONG_ROOM_KEYS_VERSION' },
        { query: { version: old }, body },
      );
      assert.equal(wrong.current_version, current);
      for (const version of ['7', 'seven'])
        await alice.isRefused('PUT', path, { status: 404, errcode: 'M_NOT_FOUND' }, { query: { version }, body });
      await alice.isRefused('PUT', path, { status: 400, errcode: 'M_MISSING_PARAM' }, { body });
      await alice.ask('PUT', path, { query: { version: current }, body });
    }
    assert.deepEqual(await readsKey(alice, old, lounge, 's1'), keyOf('one'));
    assert.deepEqual(await alice.ask('DELETE', keyPath(), { query: { version: old } }), { etag: '2', count: 0 });
    for (const path of [keyPath(lounge, 's1'), keyPath(lounge), keyPath()]) {
      for (const method of ['GET', 'DELETE']) {
        await alice.isRefused(method, path, { status: 404, errcode: 'M_NOT_FOUND' }, { query: { version: '7' } });
        await alice.isRefused(method, path, { status: 400, errcode: 'M_MISSING_PARAM' });
      }
    }
    const noKey = { status: 404, errcode: 'M_NOT_FOUND' };
    await alice.isRefused('GET', keyPath(lounge, 's1'), noKey, { query: { version: old } });
    await alice.isRefused('GET', keyPath('!nowhere:hive.example', 's1'), noKey, { query: { version: current } });
  });

  test('what is no key is refused, and nothing of its request is kept', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const version = await makesABackup(alice);
    const good = { sessions: { s1: keyOf('one') } };
    const put = (rooms: unknown, status: number, errcode: string) =>
      alice.isRefused('PUT', keyPath(), { status, errcode }, { query: { version }, body: { rooms } });
    const badKeys: object[] = [
      { first_message_index: -1 },
      { first_message_index: 'first' },
      { forwarded_count: 0.5 },
      { is_verified: 1 },
      { session_data: 'secret' },
      { session_data: undefined },
    ];
    for (const bad of badKeys)
      await put({ [lounge]: good, [kitchen]: { sessions: { s2: { ...keyOf('two'), ...bad } } } }, 400, 'M_BAD_JSON');
    await put({ [lounge]: good, [kitchen]: {} }, 400, 'M_BAD_JSON');
    await put({ [lounge]: good, kitchen: good }, 400, 'M_INVALID_PARAM');
    await put({ [lounge]: good, [`!${'k'.repeat(300)}`]: good }, 400, 'M_INVALID_PARAM');
    for (const id of ['', 'x'.repeat(256), '\ud800'])
      await put({ [lounge]: good, [kitchen]: { sessions: { [id]: keyOf('two') } } }, 400, 'M_INVALID_PARAM');
    await put({ [lounge]: good, [kitchen]: { sessions: { s2: keyOf('x'.repeat(65_536)) } } }, 413, 'M_TOO_LARGE');
    await alice.isRefused(
      'PUT',
      keyPath('lounge'),
      { status: 400, errcode: 'M_INVALID_PARAM' },
      { query: { version }, body: good },
    );
    assert.deepEqual(await alice.get(keyPath(), { version }), { rooms: {} });
    // These are only names.
    const odd = { ['__proto__']: keyOf('proto'), constructor: keyOf('maker'), 'n\0l': keyOf('null') };
    assert.deepEqual(await putsKeys(alice, version, { [lounge]: { sessions: odd } }), { etag: '1', count: 3 });
    const { sessions } = await alice.get(keyPath(lounge), { version });
    assert.deepEqual(Object.keys(sessions).toSorted(), ['__proto__', 'constructor', 'n\0l']);
  });

  test("Bob's backups are not Alice's", async ({ homeserver }) => {
    const { alice, bob } = await homeserver.twoFriendsInARoom();
    const [hers, his] = [await makesABackup(alice), await makesABackup(bob)];
    assert.equal(hers, his, 'numbers are each user’s own');
    await putsKey(alice, hers, lounge, 's1', keyOf('hers'));
    assert.deepEqual(await bob.get(keyPath(), { version: his }), { rooms: {} });
    await bob.ask('DELETE', '/room_keys/version/1');
    assert.equal((await alice.get('/room_keys/version')).count, 1);
    const nobody = await homeserver.request('GET', '/room_keys/version');
    assert.deepEqual([nobody.status, nobody.body.errcode], [401, 'M_MISSING_TOKEN']);
  });

  test('devices that upload at once merge, and every change is counted', async ({ homeserver }) => {
    const phone = await homeserver.person('alice');
    const laptop = await homeserver.anotherDeviceOf(phone);
    const version = await makesABackup(phone);
    const rounds = 12;
    const devices = [phone, laptop, phone, laptop];
    const etags = await Promise.all(
      devices.flatMap((device, who) =>
        Array.from({ length: rounds }, async (_, round) => {
          // Each brings one key that all have, the better the higher the round, and one that only it has.
          const shared = keyOf(`${rounds - round}`, { index: rounds - round });
          const own = keyOf('own');
          return (await putsKeys(device, version, { [lounge]: { sessions: { shared, [`own-${who}-${round}`]: own } } })).etag;
        }),
      ),
    );
    assert.equal(new Set(etags).size, devices.length * rounds, 'each change has a name of its own');
    const { count, etag } = await phone.get('/room_keys/version');
    assert.deepEqual({ count, etag }, { count: devices.length * rounds + 1, etag: String(devices.length * rounds) });
    assert.equal((await readsKey(laptop, version, lounge, 'shared')).first_message_index, 1);
    const all = await laptop.get(keyPath(), { version });
    assert.equal(Object.keys(all.rooms[lounge].sessions).length, count);
  });

  test('backups that are made at once have different numbers, and deleting races with writing', async ({ homeserver }) => {
    const phone = await homeserver.person('alice');
    const laptop = await homeserver.anotherDeviceOf(phone);
    const made = await Promise.all([phone, laptop, phone, laptop].map((device) => makesABackup(device)));
    assert.deepEqual(made.toSorted(), ['1', '2', '3', '4']);
    const [written, deleted] = await Promise.all([
      laptop.request('PUT', keyPath(lounge, 's1'), { query: { version: '4' }, body: keyOf('one') }),
      phone.request('DELETE', '/room_keys/version/4'),
    ]);
    assert.equal(deleted.status, 200);
    assert.ok(written.status === 200 || written.status === 404, String(written.status));
    await phone.isRefused('GET', keyPath(), { status: 404, errcode: 'M_NOT_FOUND' }, { query: { version: '4' } });
    assert.equal((await phone.get('/room_keys/version')).version, '3');
  });

  test('a large backup is taken in one piece and given back whole', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const version = await makesABackup(alice);
    const rooms: Record<string, { sessions: Record<string, unknown> }> = {};
    for (let index = 0; index < 2_000; index++) {
      const room = (rooms[`!room${index % 70}:hive.example`] ??= { sessions: {} });
      room.sessions[`session${index}`] = keyOf(`key ${index} `.repeat(50), { index: index % 3 });
    }
    assert.deepEqual(await putsKeys(alice, version, rooms), { etag: '1', count: 2_000 });
    assert.deepEqual(await putsKeys(alice, version, rooms), { etag: '1', count: 2_000 });
    assert.deepEqual(await alice.get(keyPath(), { version }), { rooms });
    const some = Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`more${index}`, keyOf('more')]));
    const state = await alice.ask('PUT', keyPath(kitchen), { query: { version }, body: { sessions: some } });
    assert.deepEqual(state, { etag: '2', count: 2_501 });
    assert.deepEqual(await alice.get(keyPath(kitchen), { version }), { sessions: some });
  });

  test('who has too many backups deletes some first', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    for (let index = 0; index < 100; index++) await makesABackup(alice);
    const body = { algorithm, auth_data: {} };
    await alice.isRefused('POST', '/room_keys/version', { status: 413, errcode: 'M_TOO_LARGE' }, { body });
    await alice.ask('DELETE', '/room_keys/version/5');
    assert.equal(await makesABackup(alice), '101');
  });

  testWith('backups last through a restart', {}, async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const version = await makesABackup(alice);
    const state = await putsKey(alice, version, lounge, 's1', keyOf('one'));
    await makesABackup(alice);
    await alice.ask('DELETE', '/room_keys/version/2');
    await homeserver.restart();
    const { etag, count } = await alice.get('/room_keys/version');
    assert.deepEqual({ etag, count }, state);
    assert.deepEqual(await readsKey(alice, version, lounge, 's1'), keyOf('one'));
    assert.equal(await makesABackup(alice), '3');
  });
});
