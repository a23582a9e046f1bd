import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../../platform/clock.ts';
import type { Database, Interner } from '../../../platform/database/index.ts';
import type { Logger } from '../../../platform/observability/index.ts';
import type { Rooms } from '../../../rooms/index.ts';
import type { ListNews } from '../list-news.ts';
import { forgetNews, untoldNews, type PlacedNews } from '../news.store.ts';
import { putWaiting, type WaitingChange } from './outbox.store.ts';

export interface SpreadNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rooms: Pick<Rooms, 'memberships'>;
  readonly news: ListNews;
  readonly servers: OtherServers;
}

/** The network, as far as our users' device lists need it. */
export interface OtherServers {
  /** The other servers with joined members in a room. */
  ofRoom(roomNid: number): Promise<ReadonlySet<ServerName>>;
  federatesWith(server: ServerName): boolean;
  /** Something waits for that server. */
  wake(server: ServerName): Promise<void>;
}

const newsAtOnce = 200;
/** One write must not hold up the others, however many servers are to hear of a change. */
const rowsAtOnce = 1000;
const retryAfterMs = 1000;

/**
 * Makes of each change of our own users one row for each server that shares a room with them, behind the request that made the change.
 * The change itself stays written down until all of its rows are: a restart in between begins with it again.
 */
export class SpreadNews {
  readonly #needs: SpreadNeeds;
  #spreading: Promise<void> | undefined;
  #moreCame = false;
  #stopped = false;

  constructor(needs: SpreadNeeds) {
    this.#needs = needs;
    needs.news.onPlaced(() => this.spread());
  }

  /** Lets what is written down and not spread yet wait for its servers. */
  spread(): void {
    this.#moreCame = true;
    if (this.#spreading || this.#stopped) return;
    this.#spreading = this.#spreadAll()
      .catch((error: unknown) => {
        this.#needs.logger.error({ err: error }, 'other servers hear of changed devices later');
        this.#moreCame = false;
        this.#needs.clock.schedule(retryAfterMs, () => this.spread());
      })
      .finally(() => {
        this.#spreading = undefined;
        if (this.#moreCame) this.spread();
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#spreading;
  }

  async #spreadAll(): Promise<void> {
    for (;;) {
      this.#moreCame = false;
      const news = await untoldNews(this.#needs.database, newsAtOnce);
      if (news.length === 0) return;
      for (const [userNid, ofUser] of Map.groupBy(news, (one) => one.userNid)) {
        if (this.#stopped) return;
        await this.#spreadUser(userNid, ofUser);
      }
    }
  }

  async #spreadUser(userNid: number, news: readonly PlacedNews[]): Promise<void> {
    const { database, names, servers } = this.#needs;
    const told = [...(await this.#serversOf(userNid))];
    const nids = await names.idsOf(told);
    const changes = collapsed(news);
    const serversAtOnce = Math.max(1, Math.floor(rowsAtOnce / changes.length));
    let start = 0;
    do {
      const some = told.slice(start, start + serversAtOnce);
      start += serversAtOnce;
      await database.write((tx) => {
        putWaiting(
          tx,
          some.map((server) => nids.get(server) ?? 0),
          changes,
        );
        if (start < told.length) return;
        forgetNews(
          tx,
          news.map(({ id }) => id),
        );
      });
      for (const server of some) await servers.wake(server);
    } while (start < told.length);
  }

  async #serversOf(userNid: number): Promise<ReadonlySet<ServerName>> {
    const { rooms, servers } = this.#needs;
    const found = new Set<ServerName>();
    for (const roomNid of await rooms.memberships.joinedRooms(userNid)) {
      for (const server of await servers.ofRoom(roomNid)) if (servers.federatesWith(server)) found.add(server);
    }
    return found;
  }
}

/** Of several changes of one device the last, with what was known before the first. */
function collapsed(news: readonly PlacedNews[]): WaitingChange[] {
  const changes = new Map<string, WaitingChange>();
  for (const { userNid, deviceId, kind, position, prev } of news) {
    const earlier = changes.get(deviceId);
    changes.set(deviceId, { userNid, deviceId, deleted: kind === 'deleted', streamId: position, prev: earlier?.prev ?? prev });
  }
  return [...changes.values()].sort((one, other) => one.streamId - other.streamId);
}
