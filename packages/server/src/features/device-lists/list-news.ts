import type { Clock } from '../../platform/clock.ts';
import type { Database, Tx } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import { PacedWakes, RecentItems, Stream, StreamSequence, type Notifier } from '../../platform/streams/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import {
  changedSince,
  forgetNews,
  lastPosition,
  ownChangesSince,
  placeNews,
  putChange,
  putNews,
  putOwnChange,
  unplacedNews,
  updatePositions,
  type News,
  type UnplacedNews,
} from './news.store.ts';

export interface ListNewsNeeds {
  readonly database: Database;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rooms: Pick<Rooms, 'memberships'>;
  /** Whether other servers are told how devices are called. */
  readonly tellsNames: boolean;
}

const placedAtOnce = 500;
const retryAfterMs = 1000;
/** Changes that memory keeps for those who read on; who is further behind costs a query. */
const remembered = 20_000;

/**
 * The stream of changes in users' lists of devices. A change is noted in the transaction of its cause, which may be run again or fail
 * for reasons of its own; a write after it gives it its position. So no position is ever handed out for a change that is not, and none
 * is lost: what had no position when the server ended gets it at the next start.
 */
export class ListNews {
  readonly stream: Stream;
  readonly #needs: ListNewsNeeds;
  readonly #wakes: PacedWakes;
  readonly #recent: RecentItems<{ readonly position: number; readonly userNid: number }>;
  readonly #recentOwn: RecentItems<{ readonly position: number; readonly userNid: number }>;
  readonly #listeners: (() => void)[] = [];
  #placing: Promise<void> | undefined;
  /** Users whose readers are to be woken. */
  #due = new Set<number>();
  #waking: Promise<void> | undefined;
  #moreCame = false;
  #stopped = false;

  private constructor(needs: ListNewsNeeds, last: number) {
    const { memberships } = needs.rooms;
    this.#needs = needs;
    this.stream = new Stream('device_lists', new StreamSequence(last), needs.notifier);
    this.#recent = new RecentItems(last, { perKey: remembered, all: remembered });
    this.#recentOwn = new RecentItems(last, { perKey: remembered, all: remembered });
    this.#wakes = new PacedWakes('device_lists', {
      notifier: needs.notifier,
      clock: needs.clock,
      readersOf: (roomNid) => memberships.loadedLocalMembers(roomNid)?.size ?? 0,
    });
  }

  /**
   * Opens the stream where it ended, or at the clock's milliseconds: a database that was restored from a copy has forgotten numbers that
   * other servers know, and whatever came under one of those again they would pass over.
   */
  static async open(needs: ListNewsNeeds): Promise<ListNews> {
    return new ListNews(needs, Math.max(await lastPosition(needs.database), needs.clock.now()));
  }

  /** Notes a change in its cause's transaction; readers hear of it soon after the commit. */
  note(tx: Tx, news: News): void {
    putNews(tx, news);
    tx.onCommit(() => this.place());
  }

  /** Calls the listener when changes of our own users have got their positions. It must not throw. */
  onPlaced(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Users whose lists changed after `since` and, as far as memory tells, not after `upTo`. */
  async changedBetween(since: number, upTo: number): Promise<ReadonlySet<number>> {
    if (since >= this.stream.now) return new Set();
    const recent = this.#recent.between(0, since, upTo);
    return new Set(recent ? recent.map(({ userNid }) => userNid) : await changedSince(this.#needs.database, since));
  }

  /** The same for changes that this viewer alone sees. */
  async changedFor(viewerNid: number, since: number, upTo: number): Promise<ReadonlySet<number>> {
    if (since >= this.stream.now) return new Set();
    const recent = this.#recentOwn.between(viewerNid, since, upTo);
    return new Set(recent?.map(({ userNid }) => userNid) ?? (await ownChangesSince(this.#needs.database, viewerNid, since)));
  }

  /** The `stream_id` by which other servers know a user's list now; 0 where there was no change yet. */
  async updatePositionOf(userNid: number): Promise<number> {
    return (await updatePositions(this.#needs.database, [userNid])).get(userNid) ?? 0;
  }

  /** Gives positions to what has none. */
  place(): void {
    this.#moreCame = true;
    if (this.#placing || this.#stopped) return;
    this.#placing = this.#placeAll()
      .catch((error: unknown) => {
        this.#needs.logger.error({ err: error }, 'changes of device lists are told later');
        this.#moreCame = false;
        this.#needs.clock.schedule(retryAfterMs, () => this.place());
      })
      .finally(() => {
        this.#placing = undefined;
        if (this.#moreCame) this.place();
      });
  }

  /** Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#placing;
    await this.#waking;
  }

  async #placeAll(): Promise<void> {
    const { database } = this.#needs;
    for (;;) {
      this.#moreCame = false;
      const news = await unplacedNews(database, placedAtOnce);
      if (news.length === 0 || this.#stopped) return;
      const users = await this.#placeSome(news);
      if (news.some((change) => this.#isForServers(change))) for (const listener of this.#listeners) listener();
      for (const userNid of users) this.#due.add(userNid);
      // It does not hold up what is placed next.
      this.#waking ??= this.#wakeReaders().finally(() => (this.#waking = undefined));
    }
  }

  /** Gives users whose readers are to be woken. */
  async #placeSome(news: readonly UnplacedNews[]): Promise<ReadonlySet<number>> {
    const userNids = new Set(news.map(({ userNid }) => userNid));
    const updates = await updatePositions(this.#needs.database, [...userNids]);
    const slot = this.stream.allocate(news.length);
    const latest = new Map<number, number>();
    const own: (UnplacedNews & { readonly viewerNid: number; readonly position: number })[] = [];
    try {
      await this.#needs.database.write((tx) => {
        for (const [index, change] of news.entries()) {
          const position = slot.position + index;
          const { id, userNid, kind, viewerNid } = change;
          if (viewerNid !== undefined) {
            putOwnChange(tx, { viewerNid, userNid, position });
            own.push({ ...change, viewerNid, position });
            continue;
          }
          latest.set(userNid, position);
          if (!this.#isForServers(change)) continue;
          placeNews(tx, { id, position, prev: updates.get(userNid) ?? 0 });
          // Cross-signing keys travel in an EDU of their own, which has no stream_id.
          if (kind !== 'cross-signing') updates.set(userNid, position);
        }
        forgetNews(
          tx,
          news.flatMap((change) => (this.#isForServers(change) ? [] : change.id)),
        );
        for (const [userNid, position] of latest) {
          putChange(tx, { userNid, position, updatePosition: updates.get(userNid) ?? 0 });
        }
        tx.onCommit(() => {
          for (const [userNid, position] of latest) this.#recent.add(0, { userNid, position });
          for (const change of own) this.#recentOwn.add(change.viewerNid, change);
        });
        slot.commitWith(tx, { users: [...latest.keys(), ...own.map(({ viewerNid }) => viewerNid)] });
      });
    } catch (error) {
      slot.abandon();
      throw error;
    }
    return new Set(latest.keys());
  }

  #isForServers({ kind, viewerNid }: News): boolean {
    return viewerNid === undefined && kind !== 'remote' && (kind !== 'renamed' || this.#needs.tellsNames);
  }

  /** Wakes those who share a room with one of the users that are due, at a pace. */
  async #wakeReaders(): Promise<void> {
    const { logger, rooms } = this.#needs;
    try {
      while (this.#due.size > 0 && !this.#stopped) {
        const userNids = this.#due;
        this.#due = new Set();
        const roomNids = new Set<number>();
        for (const userNid of userNids) for (const nid of await rooms.memberships.joinedRooms(userNid)) roomNids.add(nid);
        for (const roomNid of roomNids) {
          // A wake reaches those whom memory holds.
          await rooms.memberships.localMembers(roomNid);
          this.#wakes.wake(roomNid, this.stream.now);
        }
      }
    } catch (error) {
      logger.warn({ err: error }, 'some hear of changed devices only with what comes next');
    }
  }
}
