import assert from 'node:assert/strict';

import { forEachHomeserver, Person } from '@myelin/testing/homeserver';

import { asksFor, claims, DeviceCrypto, Identity } from '../device-keys/key-ring.fixture.ts';

const path = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device';
const eventsPath = (deviceId: string) => `${path}/${encodeURIComponent(deviceId)}/events`;
const noDevice = { status: 404, errcode: 'M_NOT_FOUND' };

/** A device that sleeps, as its user's client makes it; the id is base64 of a key. */
class Sleeper {
  readonly device: Person;
  readonly crypto: DeviceCrypto;
  readonly #identity: Identity;

  constructor(owner: Person, identity: Identity, deviceId = 'curve/key+of/aSleeper') {
    const { userId, password, token, http } = owner;
    this.device = new Person({ userId, password, token, http, deviceId });
    this.crypto = new DeviceCrypto(this.device);
    this.#identity = identity;
  }

  get deviceId(): string {
    return this.device.deviceId;
  }

  get deviceKeys() {
    return this.#identity.signs(this.crypto.sign({ ...this.crypto.deviceKeys, dehydrated: true }), this.#identity.selfSigning);
  }

  /** The body of the upload, with so many one-time keys. */
  body(oneTimeKeys = 0, pickle = `pickle of ${this.deviceId}`) {
    return {
      device_id: this.deviceId,
      device_data: { algorithm: 'org.matrix.msc3814.v2', device_pickle: pickle, nonce: 'n' },
      initial_device_display_name: 'Dehydrated device',
      device_keys: this.deviceKeys,
      one_time_keys: this.crypto.oneTimeKeys(oneTimeKeys),
      fallback_keys: this.crypto.fallbackKey(1),
    };
  }
}

async function identityOf(person: Person): Promise<Identity> {
  const identity = new Identity(person);
  await identity.publishes();
  return identity;
}

let sent = 0;
/** `from` sends numbered messages to a device. */
async function sends(from: Person, to: Person, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    const messages = { [to.userId]: { [to.deviceId]: { number } } };
    await from.put(`/sendToDevice/m.room.encrypted/t${++sent}`, { messages });
  }
}

const numbersOf = (answer: any): number[] => answer.events.map(({ content }: any) => content.number);
const upTo = (count: number) => Array.from({ length: count }, (_, number) => number);

/** The numbers that newer clients read, from the beginning: until there is no next batch. */
async function reads(person: Person, deviceId: string): Promise<number[][]> {
  const pages: number[][] = [];
  for (let from: string | undefined; ;) {
    const answer = await person.get(eventsPath(deviceId), { from });
    pages.push(numbersOf(answer));
    from = answer.next_batch;
    if (from === undefined) return pages;
  }
}

async function deviceIdsOf(person: Person): Promise<string[]> {
  return (await person.get('/devices')).devices.map(({ device_id }: any) => device_id);
}

forEachHomeserver('dehydrated devices', ({ test, testWith }) => {
  test('Alice leaves a device; it receives while she is away, and her new phone reads all of it', async ({ homeserver }) => {
    const laptop = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const sleeper = new Sleeper(laptop, await identityOf(laptop));
    await laptop.isRefused('GET', path, noDevice);
    await laptop.isRefused('DELETE', path, noDevice);
    const body = sleeper.body(2);
    assert.deepEqual(await laptop.put(path, body), { device_id: sleeper.deviceId });
    assert.deepEqual(await laptop.get(path), { device_id: sleeper.deviceId, device_data: body.device_data });

    const { device_keys } = await asksFor(bob, laptop);
    const { unsigned, ...seen } = device_keys[laptop.userId][sleeper.deviceId];
    assert.deepEqual(seen, sleeper.deviceKeys, 'with the signature of her identity');
    assert.equal(unsigned.device_display_name, 'Dehydrated device');
    for (const name of Object.keys(body.one_time_keys)) assert.equal((await claims(bob, sleeper.device))?.[0], name);
    assert.deepEqual(Object.fromEntries([(await claims(bob, sleeper.device)) ?? []]), body.fallback_keys);

    await sends(bob, sleeper.device, upTo(3));
    const phone = await homeserver.anotherDeviceOf(laptop);
    assert.deepEqual(await reads(phone, sleeper.deviceId), [[0, 1, 2]]);
    const first = await phone.get(eventsPath(sleeper.deviceId));
    assert.deepEqual(first.events[0], { type: 'm.room.encrypted', sender: bob.userId, content: { number: 0 } });
    assert.deepEqual(await reads(laptop, sleeper.deviceId), [[0, 1, 2]], 'nothing is lost where a client breaks off');
    assert.deepEqual((await phone.syncs()).to_device?.events ?? [], [], 'they are not the phone’s');
  });

  test('much that was received comes page by page, to old clients and new ones', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const sleeper = new Sleeper(alice, await identityOf(alice));
    await alice.put(path, sleeper.body());
    assert.deepEqual(await reads(alice, sleeper.deviceId), [[]]);
    await sends(bob, sleeper.device, upTo(201));
    const pages = await reads(alice, sleeper.deviceId);
    assert.deepEqual(pages.flat(), upTo(201));
    assert.deepEqual(
      pages.map(({ length }) => length),
      [100, 100, 1],
    );
    // Clients that know an earlier text of the proposal go on until nothing comes, from where they were told.
    const read: number[] = [];
    let nextBatch: string | undefined;
    for (let page = 0; page < 10; page++) {
      const answer = await alice.post(
        eventsPath(sleeper.deviceId),
        nextBatch === undefined ? undefined : { next_batch: nextBatch },
      );
      if (answer.events.length === 0) break;
      read.push(...numbersOf(answer));
      nextBatch = answer.next_batch;
      assert.ok(nextBatch !== undefined);
    }
    assert.deepEqual(read, upTo(201));
    await sends(bob, sleeper.device, [201]);
    assert.deepEqual(numbersOf(await alice.post(eventsPath(sleeper.deviceId), { next_batch: nextBatch })), [201]);
  });

  test('a new one takes the place of the old one, whose keys and messages go', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const identity = await identityOf(alice);
    const [old, fresh] = [new Sleeper(alice, identity, 'OLD'), new Sleeper(alice, identity, 'FRESH')];
    await alice.put(path, old.body(1));
    await sends(bob, old.device, [1]);
    await alice.put(path, fresh.body(1));
    assert.deepEqual((await deviceIdsOf(alice)).toSorted(), [alice.deviceId, 'FRESH'].toSorted());
    assert.deepEqual(Object.keys((await asksFor(bob, alice)).device_keys[alice.userId]), ['FRESH']);
    assert.equal(await claims(bob, old.device), undefined);
    await alice.isRefused('GET', eventsPath('OLD'), { status: 403, errcode: 'M_FORBIDDEN' });
    assert.deepEqual(await reads(alice, 'FRESH'), [[]]);
    await alice.put(path, old.body(1));
    assert.deepEqual(await reads(alice, 'OLD'), [[]], 'what it had received before is gone');
  });

  test('the same device again, after an answer that was lost, keeps what it has received', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const sleeper = new Sleeper(alice, await identityOf(alice));
    const body = sleeper.body(3);
    await alice.put(path, body);
    await sends(bob, sleeper.device, [1, 2]);
    await alice.put(path, body);
    assert.deepEqual(await reads(alice, sleeper.deviceId), [[1, 2]]);
    const names = new Set([await claims(bob, sleeper.device), await claims(bob, sleeper.device)].map((key) => key?.[0]));
    assert.equal(names.size, 2);
    const again = sleeper.body(0, 'another pickle');
    await alice.put(path, again);
    assert.deepEqual((await alice.get(path)).device_data, again.device_data);
  });

  test('of devices that are left at the same moment one stays, whole', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const laptop = await homeserver.anotherDeviceOf(alice);
    const identity = await identityOf(alice);
    const ids = ['ONE', 'TWO', 'THREE', 'FOUR'];
    const sleepers = ids.map((id) => new Sleeper(alice, identity, id));
    await Promise.all(sleepers.map((sleeper, index) => (index % 2 ? alice : laptop).put(path, sleeper.body(2))));
    const { device_id }: { device_id: string } = await alice.get(path);
    assert.ok(ids.includes(device_id));
    assert.deepEqual((await deviceIdsOf(alice)).toSorted(), [alice.deviceId, laptop.deviceId, device_id].toSorted());
    assert.deepEqual(Object.keys((await asksFor(laptop, alice)).device_keys[alice.userId]), [device_id]);
    const left = sleepers.find(({ deviceId }) => deviceId === device_id);
    assert.ok(left && (await claims(laptop, left.device)));
  });

  test('it goes when it is deleted, as a device or by its own name, and when Alice logs out everywhere', async ({
    homeserver,
  }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const sleeper = new Sleeper(alice, await identityOf(alice));
    const isGone = async () => {
      await alice.isRefused('GET', path, noDevice);
      await alice.isRefused('GET', eventsPath(sleeper.deviceId), { status: 403, errcode: 'M_FORBIDDEN' });
      assert.deepEqual(await deviceIdsOf(alice), [alice.deviceId]);
      assert.deepEqual((await asksFor(bob, alice)).device_keys[alice.userId] ?? {}, {});
    };
    await alice.put(path, sleeper.body(1));
    await sends(bob, sleeper.device, [1]);
    assert.deepEqual(await alice.ask('DELETE', path), { device_id: sleeper.deviceId });
    await isGone();

    await alice.put(path, sleeper.body(1));
    assert.deepEqual(await reads(alice, sleeper.deviceId), [[]]);
    const asked = await alice.request('POST', '/delete_devices', { body: { devices: [sleeper.deviceId] } });
    const identifier = { type: 'm.id.user', user: alice.userId };
    const auth = { type: 'm.login.password', identifier, password: alice.password, session: asked.body.session };
    await alice.post('/delete_devices', { devices: [sleeper.deviceId], auth });
    await isGone();

    await alice.put(path, sleeper.body(1));
    const phone = await homeserver.anotherDeviceOf(alice);
    await phone.post('/logout');
    assert.equal((await alice.get(path)).device_id, sleeper.deviceId, 'it outlives other devices');
    await alice.post('/logout/all');
    const back = await homeserver.anotherDeviceOf(alice);
    await back.isRefused('GET', path, noDevice);
  });

  test('what is no dehydrated device is refused, and the one there is stays', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const identity = await identityOf(alice);
    const sleeper = new Sleeper(alice, identity);
    await alice.put(path, sleeper.body());
    const body = new Sleeper(alice, identity, 'OTHER').body();
    const refused = (changed: object, status: number, errcode: string) =>
      alice.isRefused('PUT', path, { status, errcode }, { body: { ...body, ...changed } });
    for (const name of ['device_id', 'device_data', 'device_keys']) await refused({ [name]: undefined }, 400, 'M_BAD_JSON');
    await refused({ device_data: { device_pickle: 'no algorithm' } }, 400, 'M_BAD_JSON');
    await refused({ device_data: { algorithm: 'a', device_pickle: 'x'.repeat(65_536) } }, 413, 'M_TOO_LARGE');
    await refused({ device_id: 'ANOTHER' }, 400, 'M_BAD_JSON');
    await refused({ device_keys: { ...body.device_keys, dehydrated: false } }, 400, 'M_INVALID_SIGNATURE');
    const tablet = await homeserver.anotherDeviceOf(alice);
    await alice.isRefused(
      'PUT',
      path,
      { status: 400, errcode: 'M_INVALID_PARAM' },
      { body: new Sleeper(alice, identity, tablet.deviceId).body() },
    );
    assert.equal((await alice.get(path)).device_id, sleeper.deviceId);
    assert.deepEqual(Object.keys((await asksFor(bob, alice)).device_keys[alice.userId]), [sleeper.deviceId]);

    const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
    await alice.isRefused('GET', eventsPath(alice.deviceId), forbidden);
    await alice.isRefused('POST', eventsPath(alice.deviceId), forbidden);
    await bob.isRefused('GET', eventsPath(sleeper.deviceId), forbidden);
    const noBatch = { status: 400, errcode: 'M_INVALID_PARAM' };
    await alice.isRefused('GET', eventsPath(sleeper.deviceId), noBatch, { query: { from: 'last week' } });
    await alice.isRefused('POST', eventsPath(sleeper.deviceId), noBatch, { body: { next_batch: '-1' } });
    assert.equal((await homeserver.request('GET', path)).status, 401);
  });

  test('a signature that is not of her identity is not kept', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    await identityOf(alice);
    const sleeper = new Sleeper(alice, new Identity(alice, 'made up'));
    await alice.put(path, sleeper.body());
    const { device_keys } = await asksFor(bob, alice);
    const keys = device_keys[alice.userId][sleeper.deviceId];
    assert.deepEqual(Object.keys(keys.signatures[alice.userId]), [`ed25519:${sleeper.deviceId}`]);
  });

  testWith('it lasts through a restart', {}, async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const sleeper = new Sleeper(alice, await identityOf(alice));
    await alice.put(path, sleeper.body());
    await sends(bob, sleeper.device, [1, 2]);
    await homeserver.restart();
    assert.deepEqual(await reads(alice, sleeper.deviceId), [[1, 2]]);
  });

  testWith(
    'where the operator switches it off there is nothing by that name',
    { config: { experimental_features: { msc3814_enabled: false } } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      await alice.isRefused('GET', path, { status: 404, errcode: 'M_UNRECOGNIZED' });
      const { body } = await homeserver.request('GET', '/_matrix/client/versions');
      assert.equal(body.unstable_features['org.matrix.msc3814'], false);
    },
  );
});
