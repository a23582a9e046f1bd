import * as federation from '@myelin/protocol/api/federation';
import { domainOf, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../../platform/clock.ts';
import type { Database, Interner } from '../../../platform/database/index.ts';
import type { Logger } from '../../../platform/observability/index.ts';
import type { Random } from '../../../platform/random.ts';
import type { Turns } from '../../../platform/turns.ts';
import { RemoteError, type RemoteServers } from '../../../remote-servers/index.ts';
import type { ListNews } from '../list-news.ts';
import { readList, type RemoteList } from './read-keys.ts';
import {
  dueLists,
  putList,
  readLists,
  readRemoteDevices,
  retryLater,
  staleListsOf,
  type FollowedList,
} from './remote-lists.store.ts';

export interface FetchListsNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly remote: Pick<RemoteServers, 'request'>;
  readonly news: ListNews;
  /** What is written of one user's list happens one after another. */
  readonly turns: Turns<UserId>;
}

const fetchesAtOnce = 20;
/** A server that is slow must not take all the places. */
const fetchesAtOnceOfServer = 4;
/** So many wait in memory; of the others the table knows. */
const mostWaiting = 2000;
const bounds = { timeoutMs: 30_000, maxBytes: 16 * 1024 * 1024 };
/** A list that changes while it is fetched is fetched again, so often at once; then after a pause. */
const mostRounds = 3;
const firstPauseMs = 60_000;
const longestPauseMs = 3_600_000;
const duesAtOnce = 500;
const emptyList: RemoteList = { streamId: 0, devices: [], master: undefined, selfSigning: undefined };

/**
 * Fetches whole lists of other servers' users: those that are new here, and those of which something was missed. Each user's once at a
 * time, few at once, and again after a pause that grows; which lists are to be fetched stands in the database, so that a restart goes on.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid
 */
export class FetchLists {
  readonly #needs: FetchListsNeeds;
  readonly #waiting = new Map<ServerName, Set<UserId>>();
  readonly #underWay = new Map<ServerName, number>();
  /** Being fetched, with the latest update that came meanwhile. */
  readonly #flights = new Map<UserId, { latest: number }>();
  readonly #running = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  #waitingCount = 0;

  constructor(needs: FetchListsNeeds) {
    this.#needs = needs;
  }

  /** Fetches a list that is marked as stale when there is a place. */
  request(userId: UserId): void {
    const server = domainOf(userId);
    const ofServer = this.#waiting.get(server) ?? new Set<UserId>();
    if (ofServer.has(userId) || this.#flights.has(userId) || this.#waitingCount >= mostWaiting) return;
    this.#waiting.set(server, ofServer.add(userId));
    this.#waitingCount += 1;
    this.#pump();
  }

  /** Something about a user's list has come that an answer under way may not know yet: an update of this `stream_id`, or undefined. */
  heard(userId: UserId, streamId: number | undefined): void {
    const flight = this.#flights.get(userId);
    if (flight) flight.latest = Math.max(flight.latest, streamId ?? Infinity);
  }

  /** The server may be another by now: answers that are on their way are asked for again. */
  distrust(server: ServerName): void {
    for (const userId of this.#flights.keys()) if (domainOf(userId) === server) this.heard(userId, undefined);
  }

  /** Goes on where the last life ended. */
  start(): void {
    const started = this.fetchDue()
      .catch((error: unknown) => this.#needs.logger.warn({ err: error }, 'lists of devices are fetched later'))
      .finally(() => void this.#running.delete(started));
    this.#running.add(started);
  }

  /** Fetches what is due; for a job. */
  async fetchDue(): Promise<void> {
    const { database, names, clock } = this.#needs;
    const due = await dueLists(database, clock.now(), duesAtOnce);
    for (const userId of (await names.textsOf(due)).values()) this.request(userId as UserId);
  }

  /** The server can be reached again, or says something: its lists need not wait for their time. */
  async serverIsBack(server: ServerName): Promise<void> {
    const { database, names } = this.#needs;
    const serverNid = await names.knownIdOf(server);
    if (serverNid === undefined) return;
    const stale = await staleListsOf(database, serverNid, duesAtOnce);
    for (const userId of (await names.textsOf(stale)).values()) this.request(userId as UserId);
  }

  /** Ends what is under way; it is taken up again at the next start. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#waiting.clear();
    this.#waitingCount = 0;
    await Promise.all(this.#running);
  }

  #pump(): void {
    if (this.#ending.signal.aborted) return;
    for (const [server, users] of this.#waiting) {
      for (const userId of users) {
        const underWay = this.#underWay.get(server) ?? 0;
        if (underWay >= fetchesAtOnceOfServer) break;
        if (this.#running.size >= fetchesAtOnce) return;
        users.delete(userId);
        this.#waitingCount -= 1;
        this.#underWay.set(server, underWay + 1);
        this.#start(server, userId);
      }
      if (users.size === 0) this.#waiting.delete(server);
    }
  }

  #start(server: ServerName, userId: UserId): void {
    const flight = { latest: -1 };
    this.#flights.set(userId, flight);
    const run = this.#fetch(userId, flight)
      .catch((error: unknown) => this.#needs.logger.error({ err: error, userId }, 'a list of devices could not be kept'))
      .finally(() => {
        this.#running.delete(run);
        if (this.#flights.get(userId) === flight) this.#flights.delete(userId);
        const left = (this.#underWay.get(server) ?? 1) - 1;
        if (left > 0) this.#underWay.set(server, left);
        else this.#underWay.delete(server);
        this.#pump();
      });
    this.#running.add(run);
  }

  async #fetch(userId: UserId, flight: { latest: number }): Promise<void> {
    const { database, names } = this.#needs;
    const userNid = await names.idOf(userId);
    // Somebody may have fetched it while this one waited for its place.
    if (!(await readLists(database, [userNid])).get(userNid)?.stale) return;
    try {
      for (let round = 0; round < mostRounds; round++) {
        flight.latest = -1;
        const list = await this.#ask(userId);
        const isKept = await this.#needs.turns.take(userId, async () => {
          if (!(await this.#keep(userNid, list, flight))) return false;
          // What is missed from now on is a reason to fetch it anew.
          this.#flights.delete(userId);
          return true;
        });
        if (isKept) return;
      }
      await this.#later(userNid);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      if (error.failure === 'cancelled') return;
      this.#needs.logger.debug({ err: error, userId }, 'a list of devices is fetched later');
      await this.#later(userNid);
    }
  }

  async #ask(userId: UserId): Promise<RemoteList> {
    const { remote } = this.#needs;
    const server = domainOf(userId);
    try {
      const options = { ...bounds, signal: this.#ending.signal };
      const answer = await remote.request(server, federation.getUserDevices, { params: { userId } }, options);
      const list = readList(answer, userId);
      if (!list) throw new RemoteError('bad-answer', `${server} told of another user than ${userId}`);
      return list;
    } catch (error) {
      // Such a user has no devices.
      if (error instanceof RemoteError && error.status === 404 && error.errcode === 'M_NOT_FOUND') return emptyList;
      throw error;
    }
  }

  /** Keeps a list that was fetched; false where it is old already. */
  async #keep(userNid: number, list: RemoteList, flight: { readonly latest: number }): Promise<boolean> {
    const { database, news } = this.#needs;
    if (flight.latest > list.streamId) return false;
    const before = (await readLists(database, [userNid])).get(userNid);
    if (!before) return true;
    // Of a list that is new here, clients were told before it was fetched. An update that came between is in it, and is no news later.
    const isNews = before.streamId < 0 || !(await this.#isSame(before, list));
    await database.write((tx) => {
      putList(tx, userNid, list);
      if (isNews) news.note(tx, { userNid, deviceId: '', kind: 'remote' });
    });
    return true;
  }

  async #isSame(before: FollowedList, list: RemoteList): Promise<boolean> {
    if (before.master !== list.master || before.selfSigning !== list.selfSigning) return false;
    const known = (await readRemoteDevices(this.#needs.database, [before.userNid])).get(before.userNid) ?? [];
    const told = new Map(list.devices.map((device) => [device.deviceId, device]));
    return (
      known.length === told.size &&
      known.every(({ deviceId, keys, displayName }) => {
        const now = told.get(deviceId);
        return now?.keys === keys && now.displayName === displayName;
      })
    );
  }

  async #later(userNid: number): Promise<void> {
    const { database, clock, random } = this.#needs;
    const attempts = (await readLists(database, [userNid])).get(userNid)?.attempts ?? 0;
    const pauseMs = Math.min(firstPauseMs * 2 ** attempts, longestPauseMs);
    // Lists that failed together are not all tried again in the same moment.
    const retryTs = clock.now() + Math.floor((pauseMs * random.integer(800, 1200)) / 1000);
    await database.write((tx) => retryLater(tx, userNid, attempts + 1, retryTs));
  }
}
