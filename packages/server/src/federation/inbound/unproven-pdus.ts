import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock, Scheduled } from '../../platform/clock.ts';
import type { Database, Interner, Tx } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { CheckedPdu, DoorVerdict, RoomIdentity, Rooms } from '../../rooms/index.ts';
import { noteAbandoned } from './pdu-inbox.store.ts';
import {
  bringForward,
  dueUnproven,
  postpone,
  putUnproven,
  takeUnproven,
  unprovenSummary,
  type Summary,
  type UnprovenPdu,
} from './unproven-pdus.store.ts';

export interface UnprovenNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rooms: Pick<Rooms, 'ids'>;
  /** The checks at the door, once more. Empty where nobody here is in the room any more. */
  readonly atTheDoor: (room: RoomIdentity, origin: ServerName, pdus: readonly unknown[]) => Promise<readonly DoorVerdict[]>;
  /** Writes into the inbox what is proven now. */
  readonly accept: (tx: Tx, roomNid: number, originNid: number, pdus: readonly CheckedPdu[]) => void;
}

/** What is to be kept, as it came in. */
export type NewUnproven = Omit<UnprovenPdu, 'attempts' | 'receivedTs'>;

/** Each may have 64 KiB, and each makes us ask for keys: nobody gets to leave more than this here. */
const mostOfOneServer = 200;
const mostOfAll = 5000;
const triedAtOnce = 200;
/** Keys are not asked for again sooner than half a minute after somebody was asked for them. */
const firstRetryMs = 35_000;
const longestRetryMs = 3600_000;
/** Whose keys cannot be had for a day comes back into the room as what later events follow, or not at all. */
const keptMs = 24 * 3600_000;

/**
 * Keeps events whose signing servers' keys could not be had when they came: a server that sends an event which another has signed does
 * not send it again. The keys are asked for again after pauses that grow, for a day; then an event goes its way through the inbox, or is
 * dropped.
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu (check 2)
 */
export class UnprovenPdus {
  readonly #needs: UnprovenNeeds;
  #waitingOf: Map<number, number>;
  #servers: Set<string>;
  #timer: Scheduled | undefined;
  /** When there is something to do first, in milliseconds since 1970. */
  #nextTs: number;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(needs: UnprovenNeeds, left: Summary) {
    this.#needs = needs;
    this.#waitingOf = left.waitingOf;
    this.#servers = left.servers;
    this.#nextTs = left.nextTs;
  }

  static async open(needs: UnprovenNeeds): Promise<UnprovenPdus> {
    return new UnprovenPdus(needs, await unprovenSummary(needs.database));
  }

  /** Goes on with what was left. */
  start(): void {
    this.#wakeAt(this.#nextTs);
  }

  /** Whether there is room for one more event of a server; takes that room. What is admitted is to be handed to `keep`. */
  admits(originNid: number): boolean {
    const waiting = this.#waitingOf.get(originNid) ?? 0;
    if (waiting >= mostOfOneServer || sum(this.#waitingOf.values()) >= mostOfAll) return false;
    this.#waitingOf.set(originNid, waiting + 1);
    return true;
  }

  /** Stores events that were admitted, in the transaction that also stores what their server is answered. */
  keep(tx: Tx, pdus: readonly NewUnproven[]): void {
    if (pdus.length === 0) return;
    const now = this.#needs.clock.now();
    putUnproven(
      tx,
      pdus.map((pdu) => ({ ...pdu, attempts: 0, receivedTs: now })),
      now + firstRetryMs,
    );
    tx.onCommit(() => {
      for (const { server } of pdus) this.#servers.add(server);
      this.#wakeAt(now + firstRetryMs);
    });
  }

  /** A server that was out of reach answers again: its keys can be had, perhaps. */
  heardFrom(server: string): void {
    if (this.#stopped || !this.#servers.delete(server)) return;
    const { database, clock, logger } = this.#needs;
    const now = clock.now();
    database
      .write((tx) => {
        bringForward(tx, server, now);
        tx.onCommit(() => this.#wakeAt(now));
      })
      .catch((error: unknown) => logger.warn({ err: error, server }, 'events without keys wait for their time'));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #wakeAt(moment: number): void {
    if (this.#stopped || (this.#timer && moment >= this.#nextTs) || moment === Infinity) return;
    this.#nextTs = moment;
    this.#timer?.cancel();
    const { clock, logger } = this.#needs;
    this.#timer = clock.schedule(Math.max(0, moment - clock.now()), () => {
      this.#timer = undefined;
      this.#running = this.#running
        .then(() => this.#tryDue())
        .catch((error: unknown) => {
          logger.error({ err: error }, 'events without keys are tried later');
          this.#wakeAt(clock.now() + firstRetryMs);
        });
    });
  }

  async #tryDue(): Promise<void> {
    const { database, clock, names, rooms } = this.#needs;
    const due = await dueUnproven(database, clock.now(), triedAtOnce);
    const together = Map.groupBy(due, ({ roomNid, originNid }) => `${roomNid} ${originNid}`);
    // Side by side, for each may wait for another server.
    await Promise.all(
      [...together.values()].map(async (pdus) => {
        const [{ roomNid, originNid }] = pdus as [UnprovenPdu];
        const room = await rooms.ids.byNid(roomNid);
        const origin = (await names.textOf(originNid)) as ServerName;
        const verdicts = await this.#needs.atTheDoor(
          room,
          origin,
          pdus.map(({ pdu }) => pdu),
        );
        await this.#settle(roomNid, originNid, pdus, verdicts);
      }),
    );
    await this.#lookAgain();
  }

  async #settle(
    roomNid: number,
    originNid: number,
    pdus: readonly UnprovenPdu[],
    verdicts: readonly DoorVerdict[],
  ): Promise<void> {
    const { database, clock, accept } = this.#needs;
    const now = clock.now();
    await database.write((tx) => {
      const proven: CheckedPdu[] = [];
      for (const [index, unproven] of pdus.entries()) {
        const verdict = verdicts[index];
        const isKept = verdict?.ok === false && verdict.temporary === true && now - unproven.receivedTs < keptMs;
        if (isKept) {
          postpone(tx, unproven, now + Math.min(firstRetryMs * 4 ** (unproven.attempts + 1), longestRetryMs));
          continue;
        }
        takeUnproven(tx, unproven);
        if (verdict?.ok) proven.push(verdict);
        else if (verdict) noteAbandoned(tx, roomNid, unproven, verdict.reason, now);
      }
      if (proven.length > 0) accept(tx, roomNid, originNid, proven);
    });
  }

  async #lookAgain(): Promise<void> {
    const { nextTs, waitingOf, servers } = await unprovenSummary(this.#needs.database);
    this.#waitingOf = waitingOf;
    this.#servers = servers;
    this.#wakeAt(nextTs);
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
