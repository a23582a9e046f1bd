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

/** Who a room's members are, for its summary. */
export interface MemberSummary {
  readonly counts: ReadonlyMap<Membership, number>;
  /** The first joined or invited ones; where there are none, the first who left or were banned. One more than is ever shown. */
  readonly first: readonly number[];
}

/**
 * What is the same for all who follow a room: read once, however many wake at the same moment. Every answer is about the past, which
 * does not change, so an entry is right for as long as it is kept.
 */
export class SharedReads {
  readonly #database: Database;
  readonly #rooms: Rooms;
  readonly #windows: ByteCache<string, Promise<readonly number[]>>;
  readonly #roots: ByteCache<string, Promise<StateRoot>>;
  readonly #members: ByteCache<string, Promise<MemberSummary>>;

  constructor(needs: { readonly database: Database; readonly rooms: Rooms; readonly caches: CacheBudget }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#windows = new ByteCache({ budget: needs.caches, cost: () => bytesOfAnEntry, limitBytes });
    this.#roots = new ByteCache({ budget: needs.caches, cost: () => bytesOfAnEntry, limitBytes });
    this.#members = new ByteCache({ budget: needs.caches, cost: () => bytesOfAnEntry, limitBytes });
  }

  /** The last events in (`after`, `upTo`], oldest first. Kept by number: an event may have been redacted since. */
  async window(roomNid: number, range: { after: number; upTo: number; limit: number }): Promise<StoredEvent[]> {
    const nids = await once(this.#windows, `${roomNid} ${range.after} ${range.upTo} ${range.limit}`, async () =>
      (await this.#rooms.timeline.latest(roomNid, range)).map(({ nid }) => nid),
    );
    return this.#rooms.events.listByNids(nids);
  }

  /** The room's state when the events stream stood at `position`. */
  rootAt(roomNid: number, position: number): Promise<StateRoot> {
    return once(
      this.#roots,
      `${roomNid} ${position}`,
      async () => (await this.#rooms.timeline.lastUpTo(roomNid, position))?.currentRoot ?? emptyState,
    );
  }

  /** The members of a room by a state of it, which names the answer; it may be ahead of that state by what happens meanwhile. */
  members(roomNid: number, root: StateRoot): Promise<MemberSummary> {
    return once(this.#members, `${roomNid} ${root}`, async () => {
      const counts = await memberCounts(this.#database, roomNid);
      const present = (counts.get('join') ?? 0) + (counts.get('invite') ?? 0);
      // The user who asks is one of those who are present.
      const shown: readonly Membership[] = present > 1 ? ['join', 'invite'] : ['leave', 'ban'];
      return { counts, first: await firstMembers(this.#database, roomNid, nobody, shown, heroesAtMost + 1) };
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
