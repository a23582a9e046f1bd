import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import type { Person } from '@myelin/testing';
import { postgresDatabases, sqliteDatabases } from '@myelin/testing/databases';

import { stranger } from '../stranger.ts';
import { Stage, third } from './hostile-room.ts';

const queryPath = '/_matrix/federation/v1/user/keys/query';
const devicesPath = (user: string) => `/_matrix/federation/v1/user/devices/${encodeURIComponent(user)}`;

/** Somebody on a server that tells of their devices what it likes. */
class Mallory {
  static #count = 0;
  readonly userId = `@mallory-${++Mallory.#count}:${stranger}` as UserId;
  readonly alice: Person;
  readonly room: string;
  readonly stage: Stage;
  streamId = 5;
  devices: Record<string, any> = {};
  /** Called before the whole list is told. */
  beforeTelling: () => Promise<unknown> = async () => undefined;
  isDown = false;

  constructor(stage: Stage, alice: Person, room: string) {
    this.stage = stage;
    this.alice = alice;
    this.room = room;
    this.has('FIRST');
    const down = { status: 500, errcode: 'M_UNKNOWN', error: 'not now' };
    stage.stranger.answers.set(devicesPath(this.userId), async () => {
      const told = {
        user_id: this.userId,
        stream_id: this.streamId,
        devices: Object.entries(this.devices).map(([id, keys]) => ({ device_id: id, keys })),
      };
      await this.beforeTelling();
      return this.isDown ? down : told;
    });
    stage.stranger.answers.set(queryPath, () => (this.isDown ? down : { device_keys: { [this.userId]: this.devices } }));
  }

  keys(deviceId: string, change: object = {}): any {
    const keys = { [`ed25519:${deviceId}`]: `key of ${deviceId}`, [`curve25519:${deviceId}`]: `identity of ${deviceId}` };
    const signatures = { [this.userId]: { [`ed25519:${deviceId}`]: 'signature' } };
    return { user_id: this.userId, device_id: deviceId, algorithms: ['m.olm'], keys, signatures, ...change };
  }

  has(deviceId: string): void {
    this.devices[deviceId] = this.keys(deviceId);
  }

  /** How often the whole list was asked for. */
  get timesAsked(): number {
    return this.stage.stranger.asked(devicesPath(this.userId));
  }

  /** Sends updates in one transaction. */
  async sends(...contents: object[]): Promise<void> {
    const edus = contents.map((content) => ({ edu_type: 'm.device_list_update', content: { user_id: this.userId, ...content } }));
    const { status, body } = await this.stage.sends({ edus });
    assert.deepEqual([status, body], [200, { pdus: {} }]);
  }

  update(deviceId: string, streamId: number, prev: readonly number[], more: object = { keys: this.keys(deviceId) }): object {
    return { device_id: deviceId, stream_id: streamId, prev_id: prev, ...more };
  }

  /** What Alice's client gets. */
  async seen(): Promise<any> {
    const answer = await this.alice.post('/keys/query', { device_keys: { [this.userId]: [] } });
    return { ids: Object.keys(answer.device_keys[this.userId] ?? {}).toSorted(), failures: Object.keys(answer.failures), answer };
  }

  /** Waits until Alice's client hears that something has changed. */
  changed(): Promise<unknown> {
    return this.alice.syncsUntil(({ device_lists }) => device_lists?.changed.includes(this.userId));
  }

  /** Of whom else Alice's client hears until it hears of a change of her own, which comes after all others. */
  async heardOf(): Promise<Set<string>> {
    const heard = new Set<string>();
    await this.alice.put(`/devices/${this.alice.deviceId}`, { display_name: 'marker' });
    while (!heard.has(this.alice.userId)) {
      for (const user of (await this.alice.waitsForSync()).device_lists?.changed ?? []) heard.add(user);
    }
    heard.delete(this.alice.userId);
    return heard;
  }

  /** Waits until the whole list has been fetched so often, and is kept. */
  async isFetched(times: number): Promise<void> {
    for (let round = 0; round < 2000; round++) {
      if (this.timesAsked >= times && (await this.isKept())) return;
      await this.alice.get('/account/whoami');
    }
    assert.fail(`the list was fetched ${this.timesAsked} times`);
  }

  /** Whether Alice's server answers by itself. */
  async isKept(): Promise<boolean> {
    const before = this.stage.stranger.asked(queryPath);
    await this.seen();
    return this.stage.stranger.asked(queryPath) === before;
  }
}

for (const databases of [sqliteDatabases, postgresDatabases()]) {
  if (!databases) continue;
  describe(`device lists of a server that tells what it likes (${databases.label})`, () => {
    let opened: Stage | undefined;
    before(async () => {
      opened = await Stage.open({ databases });
    });
    after(() => opened?.close());
    const stage = (): Stage => {
      assert.ok(opened);
      return opened;
    };
    const meets = async (): Promise<Mallory> => {
      const rules = roomVersionRules('12');
      assert.ok(rules);
      const alice = await stage().home.person('alice');
      const room = await alice.createsRoom({ preset: 'public_chat' });
      const mallory = new Mallory(stage(), alice, room);
      await stage().joins(room, mallory.userId, rules);
      await alice.syncs();
      return mallory;
    };
    /** One whose list Alice's server follows. */
    const followed = async (): Promise<Mallory> => {
      const mallory = await meets();
      assert.deepEqual((await mallory.seen()).ids, ['FIRST']);
      await mallory.isFetched(1);
      // What was told before it was fetched may have been less.
      assert.deepEqual([...(await mallory.heardOf())], [mallory.userId]);
      return mallory;
    };

    test('a list is fetched once, and updates in order are added to it', async () => {
      const mallory = await followed();
      await mallory.sends(mallory.update('SECOND', 6, [5]), mallory.update('THIRD', 8, [6]));
      await mallory.changed();
      await mallory.sends(mallory.update('FIRST', 9, [8], { deleted: true }));
      assert.deepEqual((await mallory.seen()).ids, ['SECOND', 'THIRD']);
      assert.equal(mallory.timesAsked, 1);
      await mallory.sends(mallory.update('THIRD', 10, [9], { keys: mallory.keys('THIRD'), device_display_name: 'kettle' }));
      const { answer } = await mallory.seen();
      assert.equal(answer.device_keys[mallory.userId].THIRD.unsigned.device_display_name, 'kettle');
    });

    test('what comes twice, or late, changes nothing', async () => {
      const mallory = await followed();
      const second = mallory.update('SECOND', 6, [5]);
      await mallory.sends(second, mallory.update('SECOND', 7, [6], { deleted: true }));
      assert.deepEqual([...(await mallory.heardOf())], [mallory.userId]);
      await mallory.sends(second, mallory.update('OLD', 3, [2]));
      assert.deepEqual((await mallory.seen()).ids, ['FIRST']);
      assert.deepEqual([...(await mallory.heardOf())], []);
      assert.equal(mallory.timesAsked, 1);
    });

    test('after a gap the list is fetched again', async () => {
      const mallory = await followed();
      for (const [streamId, prev] of [
        [8, [7]],
        [20, [8, 19]],
        [30, []],
      ] as const) {
        const times = mallory.timesAsked;
        mallory.has(`D${streamId}`);
        mallory.streamId = streamId;
        await mallory.sends(mallory.update('LIE', streamId, prev));
        await mallory.isFetched(times + 1);
        assert.deepEqual((await mallory.seen()).ids, Object.keys(mallory.devices).toSorted());
      }
    });

    test('what changes while the list is fetched is not lost', async () => {
      const mallory = await followed();
      mallory.streamId = 9;
      mallory.beforeTelling = async () => {
        mallory.beforeTelling = async () => undefined;
        // The answer that is on its way does not know of it.
        mallory.has('LATE');
        mallory.streamId = 10;
        await mallory.sends(mallory.update('LATE', 10, [9]));
      };
      await mallory.sends(mallory.update('GAP', 9, [8]));
      await mallory.isFetched(3);
      assert.deepEqual((await mallory.seen()).ids, ['FIRST', 'LATE']);
    });

    test('a question whose answer is slow has no list fetched again that is good, and what comes meanwhile stays', async () => {
      const mallory = await followed();
      const [asked, kept] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const quick = stage().stranger.answers.get(queryPath);
      assert.ok(quick);
      stage().stranger.answers.set(queryPath, async () => {
        stage().stranger.answers.set(queryPath, quick);
        asked.resolve();
        await kept.promise;
        return { device_keys: { [mallory.userId]: mallory.devices } };
      });
      mallory.streamId = 9;
      mallory.beforeTelling = () => asked.promise;
      await mallory.sends(mallory.update('GAP', 9, [8]));
      // The list is stale when this is asked, and has been fetched when it is answered.
      const slow = mallory.seen();
      await asked.promise;
      await mallory.isFetched(2);
      mallory.beforeTelling = () => mallory.sends(mallory.update('LATE', 10, [9]));
      kept.resolve();
      assert.deepEqual((await slow).ids, ['FIRST']);
      await mallory.sends(mallory.update('LATE', 10, [9]));
      assert.deepEqual([...(await mallory.heardOf())], [mallory.userId]);
      assert.deepEqual([(await mallory.seen()).ids, mallory.timesAsked], [['FIRST', 'LATE'], 2]);
    });

    test('a list that cannot be fetched stays marked through a restart; what was known is told with the failure', async () => {
      const mallory = await followed();
      mallory.isDown = true;
      mallory.has('SECOND');
      mallory.streamId = 9;
      await mallory.sends(mallory.update('SECOND', 9, [8]));
      await mallory.changed();
      const known = await mallory.seen();
      assert.deepEqual([known.ids, known.failures], [['FIRST'], [stranger]]);
      await stage().home.restart();
      const times = mallory.timesAsked;
      mallory.isDown = false;
      const { ids, failures } = await mallory.seen();
      assert.deepEqual([ids, failures], [['FIRST', 'SECOND'], []], 'it is asked again, not answered from memory');
      await mallory.isFetched(times + 1);
    });

    test('updates about others are passed over', async () => {
      const mallory = await followed();
      const { alice } = mallory;
      const nobody = `@nobody:${stranger}`;
      const update = mallory.update('FORGED', 6, [5]);
      await mallory.sends(
        ...[alice.userId, `@carol:${third}`, nobody, 7, undefined, '__proto__'].map((user) => ({ ...update, user_id: user })),
        ...[undefined, 7, '', 'x'.repeat(300), 'nul\0'].map((id) => ({ ...update, device_id: id })),
        ...[undefined, '6', 6.5, -1].map((id) => ({ ...update, stream_id: id })),
        ...['5', [5.5], ['5'], { 0: 5 }].map((prev) => ({ ...update, prev_id: prev })),
      );
      assert.deepEqual((await mallory.seen()).ids, ['FIRST']);
      assert.deepEqual([...(await mallory.heardOf())], []);
      const { device_keys: keys } = await alice.post('/keys/query', { device_keys: { [alice.userId]: [], [nobody]: [] } });
      assert.deepEqual([keys[alice.userId], keys[nobody]], [{}, undefined]);
    });

    test('keys that are not what they should be are not believed, but asked for anew; the others of the list count', async () => {
      const mallory = await followed();
      const odd = [
        mallory.keys('ODD', { user_id: mallory.alice.userId }),
        mallory.keys('OTHER'),
        mallory.keys('ODD', { keys: { 'ed25519:ODD': 7 } }),
        mallory.keys('ODD', { keys: undefined }),
        mallory.keys('ODD', { much: 'x'.repeat(40_000) }),
        mallory.keys('ODD', { number: 1.5 }),
        'keys',
        // A device does not become another.
        undefined,
      ];
      for (const [index, keys] of odd.entries()) {
        const streamId = 10 + index;
        const deviceId = keys === undefined ? 'FIRST' : 'ODD';
        const times = mallory.timesAsked;
        mallory.devices = { ODD: keys ?? null, FIRST: mallory.keys('FIRST'), ['__proto__x']: mallory.keys('__proto__x') };
        mallory.streamId = streamId;
        const told = keys ?? mallory.keys('FIRST', { keys: { 'ed25519:FIRST': 'another' } });
        await mallory.sends(mallory.update(deviceId, streamId, [index === 0 ? 5 : streamId - 1], { keys: told }));
        await mallory.isFetched(times + 1);
        assert.deepEqual((await mallory.seen()).ids, ['FIRST', '__proto__x']);
      }
    });

    test('a server speaks for the users that it is asked for, and for no others', async () => {
      const mallory = await meets();
      const { alice } = mallory;
      const victim = `@victim:${third}`;
      const keys = { user_id: victim, device_id: 'FORGED', algorithms: [], keys: { 'ed25519:FORGED': 'x' }, signatures: {} };
      stage().stranger.answers.set(queryPath, () => ({
        device_keys: {
          [victim]: { FORGED: keys },
          [mallory.userId]: { FIRST: mallory.keys('FIRST'), WRONG: mallory.keys('OTHER') },
        },
        master_keys: { [mallory.userId]: { user_id: victim, usage: ['master'], keys: { 'ed25519:x': 'x' } } },
        self_signing_keys: { [mallory.userId]: { user_id: mallory.userId, usage: ['master'], keys: { 'ed25519:x': 'x' } } },
      }));
      stage().third.answers.set(queryPath, () => ({ device_keys: {} }));
      const answer = await alice.post('/keys/query', { device_keys: { [mallory.userId]: [], [victim]: [] } });
      assert.deepEqual(Object.keys(answer.device_keys[mallory.userId]), ['FIRST']);
      assert.equal(answer.device_keys[victim], undefined);
      assert.deepEqual([answer.master_keys, answer.self_signing_keys, answer.failures], [{}, {}, {}]);
    });

    test('cross-signing keys change in order; those of others, or for another use, do not count', async () => {
      const mallory = await followed();
      const key = (usage: string, name: string, user: string = mallory.userId) => ({
        user_id: user,
        usage: [usage],
        keys: { [`ed25519:${name}`]: name },
      });
      const signing = (type: string, content: object) => ({ edu_type: type, content: { user_id: mallory.userId, ...content } });
      await stage().sends({
        edus: [
          signing('m.signing_key_update', { master_key: key('master', 'one'), self_signing_key: key('self_signing', 'two') }),
          signing('org.matrix.signing_key_update', { master_key: key('master', 'three') }),
          signing('m.signing_key_update', { master_key: key('self_signing', 'four') }),
          signing('m.signing_key_update', { master_key: key('master', 'five', mallory.alice.userId) }),
          signing('m.signing_key_update', {
            user_id: mallory.alice.userId,
            master_key: key('master', 'six', mallory.alice.userId),
          }),
          signing('m.signing_key_update', { master_key: { ...key('master', 'seven'), keys: { a: 'x', b: 'y' } } }),
        ],
      });
      await mallory.changed();
      const { answer } = await mallory.seen();
      assert.deepEqual(answer.master_keys[mallory.userId].keys, { 'ed25519:three': 'three' });
      assert.deepEqual(answer.self_signing_keys[mallory.userId].keys, { 'ed25519:two': 'two' });
      assert.equal(answer.master_keys[mallory.alice.userId], undefined);
    });

    test('a server that comes by another key is asked for all its lists again', async () => {
      const mallory = await followed();
      mallory.has('NEW');
      // Who was asked for keys a moment ago is not asked again.
      await stage().home.restart();
      stage().stranger.rotatesItsKey(`r${Date.now()}`, Date.now());
      await stage().sends({});
      await mallory.changed();
      assert.deepEqual((await mallory.seen()).ids, ['FIRST', 'NEW']);
    });

    test('other servers get all devices of a user of ours, and 404 for whom there is not', async () => {
      const alice = await stage().home.person('alice');
      const { body } = await stage().asks('GET', devicesPath(alice.userId));
      assert.deepEqual(body, { user_id: alice.userId, stream_id: 0, devices: [] });
      for (const user of ['@nobody:hive.example', `@mallory:${stranger}`]) {
        const refused = await stage().asks('GET', devicesPath(user));
        assert.deepEqual([refused.status, refused.body.errcode], [404, 'M_NOT_FOUND']);
      }
    });
  });
}
