import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { roomVersionRules } from '@myelin/protocol/room-versions';
import type { Person } from '@myelin/testing';
import { postgresDatabases, sqliteDatabases } from '@myelin/testing/databases';

import { DeviceCrypto, Identity } from '../../../packages/server/src/features/device-keys/key-ring.fixture.ts';
import { Stage } from '../hostile/hostile-room.ts';
import { mallory } from '../stranger.ts';

const sending = '/_matrix/federation/v1/send/';

/** What a server hears of people's devices. */
class Listener {
  readonly heard: any[] = [];
  isDown = false;
  refusals = 0;
  readonly #waiting = new Set<() => void>();

  constructor(stage: Stage) {
    stage.stranger.answersUnder.set(sending, (_request, body) => {
      if (this.isDown) this.refusals += 1;
      else this.heard.push(...body.edus);
      for (const look of this.#waiting) look();
      return this.isDown ? { status: 500, errcode: 'M_UNKNOWN', error: 'not now' } : { pdus: {} };
    });
  }

  updatesOf(person: Person): any[] {
    return this.heard
      .filter(({ edu_type: type, content }) => type === 'm.device_list_update' && content.user_id === person.userId)
      .map(({ content }) => content);
  }

  until(enough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!enough()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Waits for the updates of one person, however they come. */
  async updates(person: Person, count: number): Promise<any[]> {
    await this.until(() => this.updatesOf(person).length >= count);
    return this.updatesOf(person);
  }
}

/** Each update names the one before it. */
function isChain(updates: readonly any[], from: readonly number[] = []): void {
  let known = from;
  for (const { stream_id: streamId, prev_id: prev } of updates) {
    assert.deepEqual(prev, known);
    assert.ok(streamId > (known[0] ?? 0));
    known = [streamId];
  }
}

for (const databases of [sqliteDatabases, postgresDatabases()]) {
  if (!databases) continue;
  describe(`what other servers hear of our users' devices (${databases.label})`, () => {
    let opened: Stage | undefined;
    let listening: Listener | undefined;
    before(async () => {
      opened = await Stage.open({ databases });
      listening = new Listener(opened);
    });
    after(() => opened?.close());
    const scene = async (): Promise<{ stage: Stage; listener: Listener; alice: Person; another: () => Promise<Person> }> => {
      assert.ok(opened && listening);
      const stage = opened;
      const { alice } = await stage.room('12');
      return { stage, listener: listening, alice, another: () => stage.home.anotherDeviceOf(alice) };
    };

    test('each change is told, after the one before it, with the keys and without the name', async () => {
      const { listener, alice, another, stage } = await scene();
      const crypto = new DeviceCrypto(alice);
      await crypto.publishes();
      const [first] = await listener.updates(alice, 1);
      assert.deepEqual(first.keys, crypto.deviceKeys);
      assert.deepEqual([first.device_id, first.deleted, first.device_display_name], [alice.deviceId, undefined, undefined]);
      const laptop = await another();
      await new DeviceCrypto(laptop).publishes();
      await listener.updates(alice, 2);
      await laptop.post('/logout');
      const updates = await listener.updates(alice, 3);
      isChain(updates);
      const { device_id: id, deleted, keys } = updates[2];
      assert.deepEqual([id, deleted, keys], [laptop.deviceId, true, undefined]);
      const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(alice.userId)}`;
      const { body } = await stage.asks('GET', path);
      assert.equal(body.stream_id, updates[2].stream_id);
      assert.deepEqual(body.devices, [{ device_id: alice.deviceId, keys: crypto.deviceKeys }]);
    });

    test('new cross-signing keys are told, those for oneself excepted', async () => {
      const { listener, alice } = await scene();
      const identity = new Identity(alice);
      await identity.publishes();
      const update = () =>
        listener.heard.find(({ edu_type: type, content }) => type === 'm.signing_key_update' && content.user_id === alice.userId);
      await listener.until(() => update() !== undefined);
      const { master_key: master, self_signing_key: selfSigning, ...rest } = update().content;
      assert.deepEqual(rest, { user_id: alice.userId });
      assert.deepEqual([master.keys, selfSigning.keys], [identity.masterKey.keys, identity.keys.self_signing_key.keys]);
    });

    test('a server that is away is told of each device as it is when it is back, with nothing missing, through a restart', async () => {
      const { stage, listener, alice, another } = await scene();
      await new DeviceCrypto(alice).publishes();
      const [before] = await listener.updates(alice, 1);
      listener.isDown = true;
      const [laptop, phone] = [await another(), await another()];
      await new DeviceCrypto(laptop).publishes();
      await listener.until(() => listener.refusals > 0);
      await new DeviceCrypto(phone).publishes();
      await laptop.post('/logout');
      await stage.home.restart();
      listener.isDown = false;
      const updates = (await listener.updates(alice, 3)).slice(1);
      isChain(updates, [before.stream_id]);
      assert.deepEqual(
        updates.map(({ device_id: id, deleted }) => [id, deleted]),
        [
          [phone.deviceId, undefined],
          [laptop.deviceId, true],
        ],
      );
      // And nothing comes twice.
      const tablet = await another();
      await new DeviceCrypto(tablet).publishes();
      isChain(await listener.updates(alice, 4));
    });

    test('a server with whom no room is shared hears nothing', async () => {
      const { stage, listener, alice } = await scene();
      const carol = await stage.home.person('carol');
      await new DeviceCrypto(carol).publishes();
      await new DeviceCrypto(alice).publishes();
      await listener.updates(alice, 1);
      assert.deepEqual(listener.updatesOf(carol), []);
    });

    test('names are told where the operator allows it', async () => {
      const stage = await Stage.open({ databases, config: { allow_device_name_lookup_over_federation: true } });
      try {
        const listener = new Listener(stage);
        const { alice } = await stage.room('12');
        await new DeviceCrypto(alice).publishes();
        await listener.updates(alice, 1);
        await alice.put(`/devices/${alice.deviceId}`, { display_name: 'kitchen tablet' });
        const updates = await listener.updates(alice, 2);
        assert.equal(updates[1].device_display_name, 'kitchen tablet');
        isChain(updates);
      } finally {
        await stage.close();
      }
    });

    test('a user who joins where that server is becomes known by being asked for', async () => {
      const { stage, listener } = await scene();
      const bob = await stage.home.person('bob');
      await new DeviceCrypto(bob).publishes();
      const rules = roomVersionRules('12');
      assert.ok(rules);
      const room = await bob.createsRoom({ preset: 'public_chat' });
      await stage.joins(room, mallory, rules);
      const { body } = await stage.asks('GET', `/_matrix/federation/v1/user/devices/${encodeURIComponent(bob.userId)}`);
      const laptop = await stage.home.anotherDeviceOf(bob);
      await new DeviceCrypto(laptop).publishes();
      isChain(await listener.updates(bob, 1), [body.stream_id]);
    });
  });
}
