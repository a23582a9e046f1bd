import { randomBytes } from 'node:crypto';

import type { HttpLoad } from './http-load.ts';
import { createRoom, join, register, type Person } from './person.ts';
import { openPoller, type Poller } from './poller.ts';
import { forEachAtOnce } from './statistics.ts';

const atOnce = 10;

/** The people and rooms of one server, made when a scenario first asks for them and used again by the next. */
export class World {
  readonly #http: HttpLoad;
  readonly #sharedSecret: string | undefined;
  /** Tells this run's names from those of earlier runs on the same server. */
  readonly #run = randomBytes(4).toString('hex');
  readonly #people: Person[] = [];
  readonly #rooms = new Map<string, Promise<string[]>>();
  #names = 0;

  constructor(http: HttpLoad, sharedSecret: string | undefined) {
    this.#http = http;
    this.#sharedSecret = sharedSecret;
  }

  newName(): string {
    return `bench${this.#run}x${this.#names++}`;
  }

  register(name: string): Promise<Person> {
    return register(this.#http, name, this.#sharedSecret);
  }

  /** The first `count` people; who is missing is registered. */
  async people(count: number): Promise<Person[]> {
    const missing = Array.from({ length: Math.max(0, count - this.#people.length) }, () => this.newName());
    await forEachAtOnce(missing, atOnce, async (name) => this.#people.push(await this.register(name)));
    return this.#people.slice(0, count);
  }

  /** Rooms that these people fill, `inEach` to a room. */
  roomsOf(people: readonly Person[], inEach: number): Promise<string[]> {
    const key = `${people.length}/${inEach}`;
    const rooms = this.#rooms.get(key) ?? this.#fillRooms(people, inEach);
    this.#rooms.set(key, rooms);
    return rooms;
  }

  async #fillRooms(people: readonly Person[], inEach: number): Promise<string[]> {
    const groups = Array.from({ length: Math.ceil(people.length / inEach) }, (_, index) =>
      people.slice(index * inEach, (index + 1) * inEach),
    );
    const rooms: string[] = [];
    const joins: { person: Person; room: string }[] = [];
    await forEachAtOnce([...groups.entries()], atOnce, async ([index, [first, ...others]]) => {
      if (first === undefined) return;
      const room = await createRoom(this.#http, first, `Room ${index}`);
      rooms[index] = room;
      joins.push(...others.map((person) => ({ person, room })));
    });
    await forEachAtOnce(joins, atOnce, ({ person, room }) => join(this.#http, person, room));
    return rooms;
  }

  /** Opens these people's clients, with a long poll each. */
  async openClients(
    people: readonly Person[],
    onMessage: (latencyMs: number) => void,
  ): Promise<{ failures: unknown[]; close(): Promise<void> }> {
    const failures: unknown[] = [];
    const pollers: Poller[] = [];
    await forEachAtOnce(people, atOnce, async (person) =>
      pollers.push(await openPoller(this.#http, person, { message: onMessage, failure: (error) => failures.push(error) })),
    );
    return { failures, close: async () => void (await Promise.all(pollers.map((poller) => poller.stop()))) };
  }
}
