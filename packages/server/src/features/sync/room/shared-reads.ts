import { ByteCache, type CacheBudget } from '../../../platform/cache/index.ts';
import type { Database } from '../../../platform/database/index.ts';
import {
  emptyState,
  firstMembers,
  memberCounts,
  type Membership,
  type Rooms,
  type StateRoot,
  type StoredEvent,
} from '../../../rooms/index.ts';

const bytesOfAnEntry = 400;
const limitBytes = 8_000_000;

type MemberCounts = ReadonlyMap<Membership, number>;

/**
 * What is the same for all who follow a room: read once, however many wake at the same moment. Every answer is about the past, which
 * does not change, so an entry is right for as long as it is kept.
 */
export class SharedReads {
  readonly #database: Database;
  readonly #rooms: Rooms;
  readonly #windows: ByteCache<string, Promise<readonly number[]>>;
  readonly #roots: ByteCache<string, Promise<StateRoot>>;
  readonly #gaps: ByteCache<string, Promise<number | undefined>>;
  readonly #counts: ByteCache<string, Promise<MemberCounts>>;
  readonly #firstMembers: ByteCache<string, Promise<readonly number[]>>;

  constructor(needs: { readonly database: Database; readonly rooms: Rooms; readonly caches: CacheBudget }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#windows = new ByteCache({ budget: needs.caches, cost: () => bytesOfAnEntry, limitBytes });
    this.#roots = new ByteCache({ budget: needs.caches, cost: () => bytesOfAnEntry, limitBytes });
    this.#gaps = new ByteCache({ budget: needs.caches, cost: () => bytesOfAnEntry, limitBytes });
    this.#counts = new ByteCache({ budget: needs.caches, cost: () => bytesOfAnEntry, limitBytes });
    this.#firstMembers = new ByteCache({ budget: needs.caches, cost: () => bytesOfAnEntry, limitBytes });
  }

  /** The last events in (`after`, `upTo`], oldest first. Kept by number: an event may have been redacted since. */
  async window(roomNid: number, range: { after: number; upTo: number; limit: number }): Promise<StoredEvent[]> {
    const nids = await once(this.#windows, `${roomNid} ${range.after} ${range.upTo} ${range.limit}`, async () =>
      (await this.#rooms.timeline.latest(roomNid, range)).map(({ nid }) => nid),
    );
    return this.#rooms.events.listByNids(nids);
  }

  /** Where the last event in (`after`, `upTo`] stands before which some are missing here; undefined where there is none. */
  lastGap(roomNid: number, range: { after: number; upTo: number }): Promise<number | undefined> {
    return once(this.#gaps, `${roomNid} ${range.after} ${range.upTo}`, () => this.#rooms.timeline.lastGap(roomNid, range));
  }

  /** The room's state when the events stream stood at `position`; another once the members are known that it lacked. */
  rootAt(roomNid: number, position: number): Promise<StateRoot> {
    return once(
      this.#roots,
      `${roomNid} ${position} ${this.#rooms.partial.completedAt(roomNid)}`,
      async () => (await this.#rooms.timeline.lastUpTo(roomNid, position))?.currentRoot ?? emptyState,
    );
  }

  /** How many members a room has; by a state of it, which names the answer. It may be ahead of that state by what happens meanwhile. */
  memberCounts(roomNid: number, root: StateRoot): Promise<MemberCounts> {
    return once(this.#counts, `${roomNid} ${root}`, () => memberCounts(this.#database, roomNid));
  }

  /**
   * The first who are joined or invited; where nobody but one is, the first who left or were banned. One more than is ever shown, for
   * nobody is shown to themselves.
   */
  async firstMembers(roomNid: number, root: StateRoot): Promise<readonly number[]> {
    const counts = await this.memberCounts(roomNid, root);
    return once(this.#firstMembers, `${roomNid} ${root}`, () => {
      const present = (counts.get('join') ?? 0) + (counts.get('invite') ?? 0);
      const shown: readonly Membership[] = present > 1 ? ['join', 'invite'] : ['leave', 'ban'];
      return firstMembers(this.#database, roomNid, nobody, shown, heroesAtMost + 1);
    });
  }
}

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync (`m.heroes`) */
export const heroesAtMost = 5;

const nobody = 0;

/** From memory, or loaded by the first who asks; a load that failed is not kept. */
async function once<Value>(cache: ByteCache<string, Promise<Value>>, key: string, load: () => Promise<Value>): Promise<Value> {
  const known = cache.get(key);
  if (known) return known;
  const loading = load();
  cache.set(key, loading);
  try {
    return await loading;
  } catch (error) {
    cache.delete(key);
    throw error;
  }
}
