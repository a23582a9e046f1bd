import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

import { asksFor, DeviceCrypto, Identity } from '../key-ring.fixture.ts';

const upload = '/keys/device_signing/upload';

/** Uploads keys and proves by password who it is. */
async function confirms(person: Person, keys: object): Promise<void> {
  const asked = await person.request('POST', upload, { body: keys });
  assert.equal(asked.status, 401, JSON.stringify(asked.body));
  assert.deepEqual(asked.body.flows, [{ stages: ['m.login.password'] }]);
  await person.post(upload, {
    ...keys,
    auth: {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: person.userId },
      password: person.password,
      session: asked.body.session,
    },
  });
}

const by = (identity: Identity, key: 'master' | 'selfSigning' | 'userSigning') => identity[key].keyId;
/** Who of these people has signed an object, as `keyId`s. */
const signers = (object: any, { userId }: Person): string[] => Object.keys(object?.signatures?.[userId] ?? {}).toSorted();

forEachHomeserver('cross-signing', ({ test }) => {
  test('the first keys need no proof, nor do the same again; others do', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const first = new Identity(alice);
    await first.publishes();
    await first.publishes();
    await alice.post(upload, { self_signing_key: first.keys.self_signing_key });
    const seen = await asksFor(bob, alice);
    assert.deepEqual(seen.master_keys[alice.userId], { ...first.masterKey, signatures: { [alice.userId]: {} } });
    assert.deepEqual(seen.self_signing_keys[alice.userId], first.keys.self_signing_key);
    assert.deepEqual(seen.user_signing_keys, {}, 'that is nobody else’s business');
    assert.deepEqual((await asksFor(alice, alice)).user_signing_keys[alice.userId], first.keys.user_signing_key);

    const second = new Identity(alice, 'second');
    const refused = await alice.request('POST', upload, { body: second.keys });
    assert.equal(refused.status, 401);
    assert.deepEqual((await asksFor(bob, alice)).master_keys[alice.userId].keys, first.masterKey.keys);
    await confirms(alice, second.keys);
    assert.deepEqual((await asksFor(bob, alice)).master_keys[alice.userId].keys, second.masterKey.keys);
  });

  test('a new self-signing key under the old master key needs proof too, and a session can be confirmed without the keys', async ({
    homeserver,
  }) => {
    const alice = await homeserver.person('alice');
    const [first, second] = [new Identity(alice), new Identity(alice, 'second')];
    await alice.post(upload, { master_key: first.masterKey });
    const unsigned = { ...second.keys.self_signing_key, signatures: {} };
    const keys = { self_signing_key: first.signs(unsigned, first.master) };
    const asked = await alice.request('POST', upload, { body: keys });
    assert.equal(asked.status, 401);
    await alice.post(upload, {
      auth: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: alice.userId },
        password: alice.password,
        session: asked.body.session,
      },
    });
    assert.deepEqual((await asksFor(alice, alice)).self_signing_keys[alice.userId], keys.self_signing_key);
  });

  test('keys of the wrong form, by the wrong hand, or under a name in use', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const identity = new Identity(alice);
    const { keys, masterKey } = identity;
    const { self_signing_key: selfSigning } = keys;
    const table: [number, string, object][] = [
      [400, 'M_INVALID_PARAM', { master_key: new Identity(bob).masterKey }],
      [400, 'M_INVALID_PARAM', { master_key: { ...masterKey, usage: ['self_signing'] } }],
      [400, 'M_INVALID_PARAM', { master_key: { ...masterKey, keys: {} } }],
      [400, 'M_INVALID_PARAM', { master_key: { ...masterKey, keys: { ...masterKey.keys, ...selfSigning.keys } } }],
      [400, 'M_INVALID_PARAM', { master_key: { ...masterKey, keys: { 'ed25519:AAAA': 'AAAA' } } }],
      [400, 'M_INVALID_PARAM', { master_key: { ...masterKey, keys: { 'ed25519:AAAA': identity.master.publicKey } } }],
      [400, 'M_INVALID_PARAM', { ...keys, user_signing_key: { ...selfSigning, usage: ['user_signing'] } }],
      [400, 'M_BAD_JSON', { master_key: { ...masterKey, more: 0.5 } }],
      [400, 'M_TOO_LARGE', { master_key: { ...masterKey, more: 'x'.repeat(10_000) } }],
      [400, 'M_MISSING_PARAM', { self_signing_key: selfSigning }],
      [400, 'M_INVALID_SIGNATURE', { ...keys, self_signing_key: { ...selfSigning, signatures: {} } }],
      [400, 'M_INVALID_SIGNATURE', { ...keys, self_signing_key: { ...selfSigning, more: 1 } }],
    ];
    for (const [status, errcode, body] of table) await alice.isRefused('POST', upload, { status, errcode }, { body });
    assert.deepEqual((await asksFor(alice, alice)).master_keys, {});

    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password: alice.password };
    await alice.post('/login', { ...login, device_id: identity.master.publicKey });
    await alice.isRefused('POST', upload, { status: 403, errcode: 'M_FORBIDDEN' }, { body: keys });
  });

  test('Alice signs her devices and her devices sign her: everybody sees it', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const device = new DeviceCrypto(alice);
    await device.publishes();
    const identity = new Identity(alice);
    await identity.publishes();
    assert.deepEqual(await identity.signsDevice(device), {});
    const signedMaster = { [identity.master.publicKey]: device.sign(identity.masterKey) };
    assert.deepEqual(await identity.uploads(alice.userId, signedMaster), {});
    // Keys that are uploaded again, as clients do, do not lose what was signed.
    await device.publishes();
    await identity.publishes();
    const seen = await asksFor(bob, alice);
    const own = `ed25519:${alice.deviceId}`;
    assert.deepEqual(
      signers(seen.device_keys[alice.userId][alice.deviceId], alice),
      [own, by(identity, 'selfSigning')].toSorted(),
    );
    assert.deepEqual(signers(seen.master_keys[alice.userId], alice), [own]);
  });

  test('that Alice has verified Bob is seen by Alice only', async ({ homeserver }) => {
    const [alice, bob, carol] = [
      await homeserver.person('alice'),
      await homeserver.person('bob'),
      await homeserver.person('carol'),
    ];
    const [ofAlice, ofBob] = [new Identity(alice), new Identity(bob)];
    await ofAlice.publishes();
    await ofBob.publishes();
    assert.deepEqual(await ofAlice.verifies(ofBob), {});
    const tablet = await homeserver.anotherDeviceOf(alice);
    const masterAsSeenBy = async (person: Person) => (await asksFor(person, bob)).master_keys[bob.userId];
    assert.deepEqual(signers(await masterAsSeenBy(tablet), alice), [by(ofAlice, 'userSigning')]);
    for (const person of [bob, carol]) assert.deepEqual(signers(await masterAsSeenBy(person), alice), []);
    // Another identity of Bob's is not the one that she has verified.
    await confirms(bob, new Identity(bob, 'second').keys);
    assert.deepEqual(signers(await masterAsSeenBy(alice), alice), []);
  });

  test('whoever may see a change hears of it: friends of new keys and signatures, Alice alone of whom she has verified', async ({
    homeserver,
  }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const [tablet, carol] = [await homeserver.anotherDeviceOf(alice), await homeserver.person('carol')];
    await carol.joins(room);
    const [device, ofAlice, ofBob] = [new DeviceCrypto(alice), new Identity(alice), new Identity(bob)];
    await ofBob.publishes();
    for (const person of [alice, tablet, bob]) await person.syncs();
    /** What a step tells somebody of somebody. */
    const tells = async (whom: Person, of: Person, step: () => Promise<unknown>): Promise<void> => {
      await step();
      const isTold = ({ device_lists }: any) => device_lists?.changed.includes(of.userId);
      await whom.syncsUntil(isTold);
    };
    await tells(bob, alice, () => device.publishes());
    await tells(bob, alice, () => ofAlice.publishes());
    await tells(bob, alice, () => ofAlice.signsDevice(device));
    await tells(bob, alice, () => ofAlice.uploads(alice.userId, { [ofAlice.master.publicKey]: device.sign(ofAlice.masterKey) }));
    for (const person of [tablet, bob]) await person.syncs();
    await tells(tablet, bob, () => ofAlice.verifies(ofBob));
    // What is the same again is no news, nor is what nobody else may see.
    await device.publishes();
    await ofAlice.publishes();
    await ofAlice.signsDevice(device);
    const told: string[] = [];
    await new DeviceCrypto(carol).publishes();
    await bob.syncsUntil(({ device_lists }) => {
      told.push(...(device_lists?.changed ?? []));
      return told.includes(carol.userId);
    });
    assert.deepEqual(told, [carol.userId]);
  });

  test('each signature that is wrong fails by itself', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const [device, tablet] = [new DeviceCrypto(alice), new DeviceCrypto(await homeserver.anotherDeviceOf(alice))];
    for (const each of [device, tablet]) await each.publishes();
    const [ofAlice, ofBob] = [new Identity(alice), new Identity(bob)];
    const withoutKeys = await ofAlice.signsDevice(device);
    assert.equal(withoutKeys[alice.userId][alice.deviceId].errcode, 'M_NOT_FOUND');
    await ofAlice.publishes();
    await ofBob.publishes();
    const { deviceId } = tablet.person;
    const { deviceKeys } = device;
    const failures = await alice.post('/keys/signatures/upload', {
      [alice.userId]: {
        [alice.deviceId]: ofAlice.signs(deviceKeys, ofAlice.selfSigning),
        [deviceId]: ofAlice.signs(deviceKeys, ofAlice.selfSigning),
        NOWHERE: ofAlice.signs(deviceKeys, ofAlice.selfSigning),
        [ofAlice.master.publicKey]: { ...ofAlice.masterKey, signatures: { [alice.userId]: { [`ed25519:${deviceId}`]: 'x' } } },
        [ofAlice.selfSigning.publicKey]: device.sign(ofAlice.keys.self_signing_key),
      },
      [bob.userId]: {
        [ofBob.master.publicKey]: ofAlice.signs({ ...ofBob.masterKey, more: 1 }, ofAlice.userSigning),
        [ofBob.selfSigning.publicKey]: ofAlice.signs(ofBob.keys.self_signing_key, ofAlice.userSigning),
      },
      '@nobody:hive.example': { KEY: ofAlice.signs(ofBob.masterKey, ofAlice.userSigning) },
      'no user': { KEY: { not: 0.5 } },
    });
    const codes = Object.entries(failures.failures as Record<string, Record<string, { errcode: string }>>).flatMap(
      ([userId, keys]) => Object.entries(keys).map(([keyId, { errcode }]) => `${userId} ${keyId} ${errcode}`),
    );
    assert.deepEqual(
      codes.toSorted(),
      [
        `${alice.userId} ${deviceId} M_INVALID_SIGNATURE`,
        `${alice.userId} NOWHERE M_NOT_FOUND`,
        `${alice.userId} ${ofAlice.master.publicKey} M_INVALID_SIGNATURE`,
        `${alice.userId} ${ofAlice.selfSigning.publicKey} M_NOT_FOUND`,
        `${bob.userId} ${ofBob.master.publicKey} M_INVALID_SIGNATURE`,
        `${bob.userId} ${ofBob.selfSigning.publicKey} M_NOT_FOUND`,
        '@nobody:hive.example KEY M_NOT_FOUND',
        'no user KEY M_NOT_FOUND',
      ].toSorted(),
    );
    const forged = new Identity(alice, 'forged');
    const wrong = await ofAlice.uploads(alice.userId, { [alice.deviceId]: { ...forged.signs(deviceKeys, forged.selfSigning) } });
    assert.equal(wrong[alice.userId][alice.deviceId].errcode, 'M_INVALID_SIGNATURE');
    const seen = (await asksFor(bob, alice)).device_keys[alice.userId];
    assert.deepEqual(signers(seen[alice.deviceId], alice).length, 2, 'the one that was right counts');
    assert.deepEqual(signers(seen[deviceId], alice).length, 1);
  });

  test('no device passes for one of the keys', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const identity = new Identity(alice);
    await identity.publishes();
    const login = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: alice.userId },
      password: alice.password,
      device_id: identity.master.publicKey,
    };
    const { body } = await homeserver.request('POST', '/login', { body: login });
    const { deviceKeys } = new DeviceCrypto({ userId: alice.userId, deviceId: body.device_id });
    const refused = await homeserver.request('POST', '/keys/upload', {
      token: body.access_token,
      body: { device_keys: deviceKeys },
    });
    assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN']);
    assert.deepEqual((await asksFor(alice, alice)).device_keys[alice.userId], {});
  });

  test('what is called __proto__ is told like anything else, and nobody else’s objects get a member', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const signed = { ['__proto__']: { seenByAll: {}, ['__proto__']: {} } };
    const { failures } = await alice.post('/keys/signatures/upload', signed);
    assert.equal(({} as Record<string, unknown>)['seenByAll'], undefined);
    const told = Object.entries<any>(failures).map(([userId, keys]) => [userId, Object.keys(keys)]);
    assert.deepEqual(told, [['__proto__', ['seenByAll', '__proto__']]]);
  });

  test('with a new identity go the signatures of the old one', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const device = new DeviceCrypto(alice);
    await device.publishes();
    const [first, ofBob] = [new Identity(alice), new Identity(bob)];
    await first.publishes();
    await ofBob.publishes();
    await first.signsDevice(device);
    await first.verifies(ofBob);
    const second = new Identity(alice, 'second');
    await confirms(alice, { master_key: second.masterKey });
    const seen = await asksFor(alice, alice, bob);
    assert.deepEqual(signers(seen.device_keys[alice.userId][alice.deviceId], alice), [`ed25519:${alice.deviceId}`]);
    assert.deepEqual([seen.self_signing_keys[alice.userId], seen.user_signing_keys], [undefined, {}]);
    assert.deepEqual(signers(seen.master_keys[bob.userId], alice), []);
  });

  test('an account that ends has no identity any more', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    await new Identity(alice).publishes();
    await alice.post('/account/deactivate', {
      auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password: alice.password },
    });
    // The rest of an account's end is done after the answer.
    for (let round = 0; round < 100 && Object.keys((await asksFor(bob, alice)).master_keys).length > 0; round++);
    assert.deepEqual((await asksFor(bob, alice)).master_keys, {});
  });
});
