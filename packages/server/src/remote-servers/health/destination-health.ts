import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock, Scheduled } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Random } from '../../platform/random.ts';
import { afterFailure, afterSuccess, type BackoffSettings, type Health, UNKNOWN_HEALTH } from './backoff.ts';
import { dueDestinations, listHealth, putHealth, readHealth } from './destinations.store.ts';

export interface DestinationHealthNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: BackoffSettings;
}

/** Remembers, over restarts for those that have ever answered, which servers do, and when those that do not are to be tried again. */
export interface DestinationHealth {
  of(server: ServerName): Promise<Health>;
  /** Whether the server may be asked now. */
  mayTry(server: ServerName): Promise<boolean>;
  /** It answered. */
  succeeded(server: ServerName): void;
  /**
   * It did not. `startedAt`: `clock.monotonic()` when the request began; one that began before the latest failure, or before the latest
   * answer, says nothing new.
   */
  failed(server: ServerName, startedAt: number): void;
  /**
   * It sent us something that it had signed: a sign of life, which ends its pause early. Should it still not answer, its pause goes on
   * growing from where it was, and the next sign ends it a second later than the last one did, then two, and at most once a minute: one that
   * can send and not be reached costs little, and one that was cut off for a moment is not left alone for long.
   */
  heardFrom(server: ServerName): void;
  /** An operator's wish: it is tried as if it had never failed. */
  reset(server: ServerName): Promise<void>;
  /** Called when a server that did not answer may be tried before its time, or answers again. Returns how to stop listening. */
  onSignOfLife(listener: (server: ServerName) => void): () => void;
  list(page: { readonly after: string; readonly limit: number }): Promise<(Health & { readonly server: ServerName })[]>;
  /** Servers whose pause is over, those that have waited longest first. */
  due(limit: number): Promise<ServerName[]>;
  /** Resolves when all that was told so far is written down. */
  settled(): Promise<void>;
}

const REMEMBERED = 20_000;
const FIRST_EARLY_END_GAP_MS = 1_000;
const LONGEST_EARLY_END_GAP_MS = 60_000;
/** The time of a success is written no more often than this: a server that answers costs no writes. */
const NOTE_SUCCESS_EVERY_MS = 3_600_000;

/** Moments are those of `clock.monotonic()`. */
interface Known {
  health: Health;
  failedAt: number;
  answeredAt: number;
  /** When its pause was last ended early, and how often since it last answered. */
  earlyEndAt: number;
  earlyEnds: number;
  /** A sign of life came too soon after the last one: it counts when this is over. */
  signToCome: Scheduled | undefined;
}
const NEVER = Number.NEGATIVE_INFINITY;
const NOTHING_HAPPENED = { failedAt: NEVER, answeredAt: NEVER, earlyEndAt: NEVER, earlyEnds: 0, signToCome: undefined };

export function createDestinationHealth(needs: DestinationHealthNeeds): DestinationHealth {
  const { database, clock, random, logger, settings } = needs;
  const known = new Map<ServerName, Known>();
  const loading = new Map<ServerName, Promise<Known>>();
  const listeners = new Set<(server: ServerName) => void>();
  let writing: Promise<unknown> = Promise.resolve();

  const load = (server: ServerName): Promise<Known> => {
    const found = known.get(server);
    if (found) return Promise.resolve(found);
    let loaded = loading.get(server);
    if (!loaded) {
      loaded = readHealth(database, server)
        .then((health = UNKNOWN_HEALTH) => {
          // A request may have ended while the row was read; what it told is newer.
          const entry = known.get(server) ?? { health, ...NOTHING_HAPPENED };
          known.set(server, entry);
          if (known.size > REMEMBERED) forgetOldest();
          return entry;
        })
        .finally(() => loading.delete(server));
      loading.set(server, loaded);
    }
    return loaded;
  };
  const forgetOldest = (): void => {
    const [oldest] = known.keys();
    if (oldest !== undefined) known.delete(oldest);
  };
  /** What is known of a server whose row is being written: it is written after that, for two writes may overtake each other. */
  const latest = new Map<ServerName, Health | undefined>();
  const writeAll = async (server: ServerName): Promise<void> => {
    for (let health = latest.get(server); health; health = latest.get(server)) {
      const now = health;
      latest.set(server, undefined);
      await database
        .write((tx) => putHealth(tx, server, now))
        .catch((error: unknown) => logger.warn({ err: error, server }, "a server's health could not be written down"));
    }
    latest.delete(server);
  };
  const write = (server: ServerName, health: Health): void => {
    const isUnderWay = latest.has(server);
    latest.set(server, health);
    if (!isUnderWay) writing = Promise.all([writing, writeAll(server)]);
  };
  const tell = (server: ServerName): void => {
    for (const listener of listeners) listener(server);
  };
  /** Changes what is known, once it is loaded. A change that others wait for is told when it is in force. */
  const change = (
    server: ServerName,
    by: (entry: Known) => { readonly health: Health; readonly signOfLife?: boolean } | undefined,
  ): void => {
    const apply = (entry: Known): void => {
      const changed = by(entry);
      if (!changed) return;
      entry.health = changed.health;
      // A stranger may name any number of servers that never were; those are forgotten with the rest of memory.
      if (changed.health.lastSuccess !== undefined) write(server, changed.health);
      if (changed.signOfLife) tell(server);
    };
    const found = known.get(server);
    if (found) return apply(found);
    const applied = load(server).then(apply, (error: unknown) =>
      logger.warn({ err: error, server }, "a server's health could not be read"),
    );
    writing = Promise.all([writing, applied]);
  };

  const hear = (server: ServerName): void =>
    change(server, (entry) => {
      const { health } = entry;
      if (health.retryAt === undefined || health.retryAt <= clock.now() || entry.signToCome) return undefined;
      const gapMs = Math.min(LONGEST_EARLY_END_GAP_MS, FIRST_EARLY_END_GAP_MS * 2 ** (entry.earlyEnds - 1));
      const leftMs = entry.earlyEndAt + gapMs - clock.monotonic();
      if (leftMs > 0) {
        entry.signToCome = clock.schedule(leftMs, () => {
          entry.signToCome = undefined;
          hear(server);
        });
        return undefined;
      }
      entry.earlyEndAt = clock.monotonic();
      entry.earlyEnds += 1;
      return { health: { ...health, retryAt: clock.now() }, signOfLife: true };
    });

  return {
    of: async (server) => (await load(server)).health,
    async mayTry(server) {
      const { retryAt } = (await load(server)).health;
      return retryAt === undefined || retryAt <= clock.now();
    },
    succeeded(server) {
      const answeredAt = clock.monotonic();
      change(server, (entry) => {
        const { health } = entry;
        entry.answeredAt = answeredAt;
        entry.earlyEnds = 0;
        entry.signToCome?.cancel();
        entry.signToCome = undefined;
        const now = clock.now();
        if (health.failingSince !== undefined) {
          logger.info({ server, since: new Date(health.failingSince).toISOString() }, 'a server answers again');
          return { health: afterSuccess(now), signOfLife: true };
        }
        return now - (health.lastSuccess ?? NEVER) >= NOTE_SUCCESS_EVERY_MS ? { health: afterSuccess(now) } : undefined;
      });
    },
    failed(server, startedAt) {
      const failedAt = clock.monotonic();
      change(server, (entry) => {
        if (startedAt <= entry.failedAt || startedAt < entry.answeredAt) return undefined;
        entry.failedAt = failedAt;
        return { health: afterFailure(entry.health, clock.now(), settings, random) };
      });
    },
    heardFrom: hear,
    async reset(server) {
      const entry = await load(server);
      entry.health = { ...UNKNOWN_HEALTH, lastSuccess: entry.health.lastSuccess };
      await writing;
      await database.write((tx) => putHealth(tx, server, entry.health));
      tell(server);
    },
    onSignOfLife(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    list: (page) => listHealth(database, page),
    due: (limit) => dueDestinations(database, clock.now(), limit),
    async settled() {
      await writing;
    },
  };
}
