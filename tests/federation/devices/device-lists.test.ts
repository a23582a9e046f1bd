import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { ServerName } from '@myelin/protocol/identifiers';
import type { Person } from '@myelin/testing';
import { postgresDatabases, sqliteDatabases } from '@myelin/testing/databases';
import { startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

import { DeviceCrypto, Identity } from '../../../packages/server/src/features/device-keys/key-ring.fixture.ts';

const hive = 'hive.example';
const nest = 'nest.example';

/** What a person's client gets of somebody's devices, and whether their server had anything to say. */
async function devicesOf(person: Person, other: Person): Promise<{ ids: string[]; failures: string[] }> {
  const { device_keys: keys, failures } = await person.post('/keys/query', { device_keys: { [other.userId]: [] } });
  return { ids: Object.keys(keys[other.userId] ?? {}).toSorted(), failures: Object.keys(failures) };
}

const idsOf = (...people: Person[]): string[] => people.map(({ deviceId }) => deviceId).toSorted();

const hearsOf = (person: Person, list: 'changed' | 'left', other: Person): Promise<any> =>
  person.syncsUntil(({ device_lists }) => device_lists?.[list]?.includes(other.userId) && device_lists);

/** Asks after each change that is heard of, as clients do, until what is told fits. */
async function sees(person: Person, other: Person, fits: (answer: any) => boolean): Promise<any> {
  for (let round = 0; round < 20; round++) {
    const answer = await person.post('/keys/query', { device_keys: { [other.userId]: [] } });
    if (fits(answer)) return answer;
    await hearsOf(person, 'changed', other);
  }
  throw new Error('what was waited for is not told');
}

const seesDevices = (person: Person, other: Person, ids: readonly string[]): Promise<any> =>
  sees(
    person,
    other,
    ({ device_keys: keys }) => JSON.stringify(Object.keys(keys[other.userId] ?? {}).toSorted()) === JSON.stringify(ids),
  );

for (const databases of [sqliteDatabases, postgresDatabases()]) {
  if (!databases) continue;
  describe(`lists of devices between servers (${databases.label})`, () => {
    let federation: FederatedHomeservers | undefined;
    before(async () => {
      federation = await startFederation([hive, nest], { databases });
    });
    after(() => federation?.stop());
    const servers = (): FederatedHomeservers => {
      assert.ok(federation);
      return federation;
    };
    const acquaintances = async (): Promise<{ alice: Person; bob: Person }> => {
      const [alice, bob] = await Promise.all([servers().named(hive).person('alice'), servers().named(nest).person('bob')]);
      await new DeviceCrypto(alice).publishes();
      return { alice, bob };
    };
    const friends = async (): Promise<{ alice: Person; bob: Person; room: string }> => {
      const { alice, bob } = await acquaintances();
      const room = await alice.createsRoom({ preset: 'private_chat' });
      await alice.invites(bob, room);
      await bob.joins(room);
      await Promise.all([alice.syncs(), bob.syncs()]);
      return { alice, bob, room };
    };

    test("Bob's client follows Alice's devices, from his own server", async () => {
      const { alice, bob } = await friends();
      await seesDevices(bob, alice, idsOf(alice));
      const laptop = await servers().named(hive).anotherDeviceOf(alice);
      await new DeviceCrypto(laptop).publishes();
      await hearsOf(bob, 'changed', alice);
      await seesDevices(bob, alice, idsOf(alice, laptop));
      const identity = new Identity(alice);
      await identity.publishes();
      const { master_keys: masters, self_signing_keys: selfSigning } = await sees(
        bob,
        alice,
        (answer) => answer.self_signing_keys[alice.userId],
      );
      assert.deepEqual(masters[alice.userId].keys, identity.masterKey.keys);
      assert.deepEqual(Object.keys(selfSigning[alice.userId].keys), [identity.selfSigning.keyId]);
      await laptop.post('/logout');
      await seesDevices(bob, alice, idsOf(alice));
    });

    test('names of devices stay at home', async () => {
      const { alice, bob } = await friends();
      await seesDevices(bob, alice, idsOf(alice));
      await alice.put(`/devices/${alice.deviceId}`, { display_name: 'kitchen tablet' });
      const laptop = await servers().named(hive).anotherDeviceOf(alice);
      await new DeviceCrypto(laptop).publishes();
      const { device_keys: keys } = await seesDevices(bob, alice, idsOf(alice, laptop));
      assert.equal(keys[alice.userId][alice.deviceId].unsigned, undefined);
    });

    test('a server that is away for long hears of everything when it is back, through restarts of both', async () => {
      const { alice, bob } = await friends();
      await seesDevices(bob, alice, idsOf(alice));
      await servers().cutOff(nest);
      const laptops: Person[] = [];
      for (let n = 0; n < 4; n++) {
        const laptop = await servers().named(hive).anotherDeviceOf(alice);
        laptops.push(laptop);
        await new DeviceCrypto(laptop).publishes();
        if (n === 1) await servers().named(hive).restart();
        if (n === 2) await servers().named(nest).restart();
      }
      await laptops[0]?.post('/logout');
      await servers().reconnect(nest);
      // A sign of life: what waits for it goes out at once.
      await bob.says('I am back', (await bob.get('/joined_rooms')).joined_rooms[0]);
      await seesDevices(bob, alice, idsOf(alice, ...laptops.slice(1)));
    });

    test('signatures of devices arrive, also those that are made while a server is away', async () => {
      const { alice, bob } = await friends();
      const identity = new Identity(alice);
      await identity.publishes();
      await identity.signsDevice(new DeviceCrypto(alice));
      const isSigned = (device: Person) => (answer: any) => {
        const keys = answer.device_keys[alice.userId]?.[device.deviceId];
        return keys?.signatures[alice.userId][identity.selfSigning.keyId] !== undefined;
      };
      await sees(bob, alice, isSigned(alice));
      await servers().cutOff(nest);
      const tablet = await servers().named(hive).anotherDeviceOf(alice);
      await new DeviceCrypto(tablet).publishes();
      await identity.signsDevice(new DeviceCrypto(tablet));
      await servers().reconnect(nest);
      // Signs of life end a pause after seconds; an operator's word does at once.
      await servers()
        .named(hive)
        .server.needs.remoteServers.health.reset(nest as ServerName);
      const { self_signing_keys: selfSigning } = await sees(bob, alice, isSigned(tablet));
      assert.deepEqual(Object.keys(selfSigning[alice.userId].keys), [identity.selfSigning.keyId]);
    });

    test('whoever has left is followed no more, and is asked for anew when they meet again', async () => {
      const { alice, bob, room } = await friends();
      await seesDevices(bob, alice, idsOf(alice));
      await alice.leaves(room);
      await hearsOf(bob, 'left', alice);
      const laptop = await servers().named(hive).anotherDeviceOf(alice);
      await new DeviceCrypto(laptop).publishes();
      assert.deepEqual((await devicesOf(bob, alice)).ids, idsOf(alice, laptop));
      await bob.invites(alice, room);
      await alice.joins(room);
      await hearsOf(bob, 'changed', alice);
      await seesDevices(bob, alice, idsOf(alice, laptop));
      const phone = await servers().named(hive).anotherDeviceOf(alice);
      await new DeviceCrypto(phone).publishes();
      await seesDevices(bob, alice, idsOf(alice, laptop, phone));
    });

    test('whom nobody here shares a room with is asked for each time', async () => {
      const { alice, bob } = await acquaintances();
      assert.deepEqual(await devicesOf(bob, alice), { ids: idsOf(alice), failures: [] });
      const laptop = await servers().named(hive).anotherDeviceOf(alice);
      await new DeviceCrypto(laptop).publishes();
      assert.deepEqual((await devicesOf(bob, alice)).ids, idsOf(alice, laptop));
      await servers().cutOff(hive);
      assert.deepEqual(await devicesOf(bob, alice), { ids: [], failures: [hive] });
    });
  });
}
