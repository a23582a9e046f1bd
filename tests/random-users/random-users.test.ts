import assert from 'node:assert/strict';

import { seededRandom, type SeededRandom } from '@myelin/protocol/fixtures';
import { expectSyncToConverge, forEachHomeserver, type TestHomeserver } from '@myelin/testing';

import { RandomUser } from './random-user.ts';
import { RoomModel, type SeenEvent } from './room-model.ts';

/** `MYELIN_RANDOM_SECONDS=600 MYELIN_RANDOM_SEED=7 npm test tests/random-users` goes on for ten minutes, and repeats itself. */
const seconds = Number(process.env['MYELIN_RANDOM_SECONDS'] ?? 12);
const seed = Number(process.env['MYELIN_RANDOM_SEED'] ?? 20_261);
const users = 50;
const actionsPerRound = 40;

forEachHomeserver('fifty users who do random things', ({ test }) => {
  test(`nobody sees what they must not, nobody misses what they may see, and the order is one (seed ${seed})`, async ({
    homeserver,
  }) => {
    const world = await World.create(homeserver, seededRandom(seed));
    const end = performance.now() + seconds * 1000;
    do {
      await world.round();
    } while (performance.now() < end);
    await world.isConsistent();
    await world.converges();
  });
});

class World {
  readonly #random: SeededRandom;
  readonly #users: readonly RandomUser[];
  /** With the one who made each, who sees all and never leaves. */
  readonly #rooms = new Map<string, RandomUser>();
  readonly #sent = new Map<string, string[]>();
  #actions = 0;

  private constructor(users: readonly RandomUser[], random: SeededRandom) {
    this.#users = users;
    this.#random = random;
  }

  static async create(homeserver: TestHomeserver, random: SeededRandom): Promise<World> {
    const people = await Promise.all(Array.from({ length: users }, (_, index) => homeserver.person(`user${index}`)));
    return new World(
      people.map((person) => new RandomUser(person)),
      random,
    );
  }

  /** Many act at the same time, then some look for news. */
  async round(): Promise<void> {
    if (this.#rooms.size < 8) await this.#makeRoom();
    await Promise.all(Array.from({ length: actionsPerRound }, () => this.#act()));
    await Promise.all(this.#users.filter(() => this.#chance(40)).map((user) => user.syncs()));
  }

  /** Holds what everyone saw against the model. */
  async isConsistent(): Promise<void> {
    await Promise.all(this.#users.map((user) => user.syncs()));
    for (const [roomId, maker] of this.#rooms) {
      const history = await maker.reads(roomId);
      assert.ok(history, `the maker of ${roomId} cannot read it`);
      const ids = history.map(({ event_id }) => event_id);
      assert.equal(new Set(ids).size, ids.length, `an event stands twice in ${roomId}`);
      const model = new RoomModel(history);
      for (const user of this.#users) {
        await this.#readsWhatTheModelSays(user, roomId, history, model);
        this.#syncBroughtWhatTheModelSays(user, roomId, ids, model);
      }
    }
  }

  /** Some clients compare what they made of all that they heard with what a new device is told. */
  async converges(): Promise<void> {
    for (const user of this.#users.slice(0, 8)) await expectSyncToConverge(user);
  }

  async #readsWhatTheModelSays(user: RandomUser, roomId: string, history: readonly SeenEvent[], model: RoomModel): Promise<void> {
    const read = await user.reads(roomId);
    const sights = model.sightOf(user.userId);
    const seen = new Set((read ?? []).map(({ event_id }) => event_id));
    const where = `${user.userId} in ${roomId}`;
    // The story behind a failure is long: it is told only where there is one.
    for (const id of seen)
      if (sights.get(id) === 'must not') assert.fail(`${where} sees ${id}: ${model.storyOf(id, user.userId)}`);
    // Who was never inside may be refused altogether; who was must not be.
    if (!read) {
      assert.equal(model.hasBeenJoined(user.userId), false, `${where} is refused`);
      return;
    }
    for (const { event_id, type } of history) {
      if (sights.get(event_id) === 'must' && !seen.has(event_id))
        assert.fail(`${where} misses ${event_id} (${type}): ${model.storyOf(event_id, user.userId)}`);
    }
    const order = new Map(history.map(({ event_id }, index) => [event_id, index]));
    isAscending(
      [...seen].map((id) => order.get(id) ?? -1),
      () => `${where} reads another order`,
    );
  }

  #syncBroughtWhatTheModelSays(user: RandomUser, roomId: string, ids: readonly string[], model: RoomModel): void {
    const brought = user.brought.get(roomId) ?? [];
    const where = `sync of ${user.userId} in ${roomId}`;
    const sights = model.sightOf(user.userId);
    for (const id of brought)
      if (sights.get(id) === 'must not') assert.fail(`${where} brought ${id}: ${model.storyOf(id, user.userId)}`);
    const got = new Set(brought);
    if (got.size !== brought.length) assert.fail(`${where} brought an event twice: ${user.diary(roomId, ids)}`);
    const order = new Map(ids.map((id, index) => [id, index]));
    const firstBrought = order.get(brought[0] ?? '') ?? -1;
    const isTold = !user.invitedTo.has(roomId);
    for (const id of isTold ? model.whileJoined(user.userId) : []) {
      // What lies before the first timeline is history: it is there to be paged back to.
      if (firstBrought >= 0 && (order.get(id) ?? -1) > firstBrought && !got.has(id))
        assert.fail(`${where} missed ${id}: ${model.storyOf(id, user.userId)}`);
    }
    isAscending(
      brought.map((id) => order.get(id) ?? -1),
      () => `${where} brought another order: ${user.diary(roomId, ids)}`,
    );
    if (model.membershipNow(user.userId) === 'join') assert.ok(brought.length > 0, `${where} never showed the room`);
  }

  async #makeRoom(): Promise<void> {
    const maker = this.#pick(this.#users);
    const visibility = this.#pick(['world_readable', 'shared', 'invited', 'joined']);
    const { body } = await maker.tries('POST', '/createRoom', {
      preset: this.#pick(['public_chat', 'private_chat']),
      room_version: this.#pick(['6', '9', '10', '11', '12']),
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } }],
    });
    this.#rooms.set(String(body['room_id']), maker);
  }

  async #act(): Promise<void> {
    const [roomId, maker] = this.#pick([...this.#rooms]);
    const actor = this.#pick(this.#users);
    const other = this.#pick(this.#users);
    const room = `/rooms/${encodeURIComponent(roomId)}`;
    const number = ++this.#actions;
    const target = { user_id: other.userId };
    // The maker is the witness, and stays.
    const safe = other !== maker;
    switch (this.#random.below(16)) {
      case 0:
      case 1:
        await maker.tries('POST', `${room}/invite`, target);
        return;
      case 2:
      case 3:
        await actor.tries('POST', `${room}/join`);
        return;
      case 4:
        if (actor !== maker) await actor.tries('POST', `${room}/leave`);
        return;
      case 5:
        if (safe) await maker.tries('POST', `${room}/kick`, target);
        return;
      case 6:
        if (safe) await maker.tries('POST', `${room}/ban`, target);
        return;
      case 7:
        await maker.tries('POST', `${room}/unban`, target);
        return;
      case 8:
        await maker.tries('PUT', `${room}/state/m.room.history_visibility/`, {
          history_visibility: this.#pick(['world_readable', 'shared', 'invited', 'joined']),
        });
        return;
      case 9:
        await maker.tries('PUT', `${room}/state/m.room.name/`, { name: `Room ${number}` });
        return;
      case 10: {
        const event = this.#pick(this.#sent.get(roomId) ?? ['']);
        if (event !== '') await maker.tries('PUT', `${room}/redact/${encodeURIComponent(event)}/r${number}`);
        return;
      }
      case 11:
        await actor.syncs();
        return;
      default: {
        const { status, body } = await actor.tries('PUT', `${room}/send/m.room.message/m${number}`, {
          msgtype: 'm.text',
          body: `${number}`,
        });
        if (status === 200) this.#sent.set(roomId, [...(this.#sent.get(roomId) ?? []), String(body['event_id'])].slice(-20));
      }
    }
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  #pick<T>(choices: readonly T[]): T {
    return this.#random.pick(choices);
  }
}

function isAscending(numbers: readonly number[], message: () => string): void {
  for (const [index, number] of numbers.entries()) {
    if (index > 0 && number <= (numbers[index - 1] ?? -1)) assert.fail(`${message()} at ${index}`);
  }
}
