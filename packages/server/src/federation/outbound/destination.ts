import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock, Scheduled } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Random } from '../../platform/random.ts';
import type { StoredEvent } from '../../rooms/index.ts';
import type { DurableEdus, Edu, EduOptions } from '../edu.ts';
import { isOwed, type Delivery } from './deliveries.ts';
import { EduQueue } from './edu-queue.ts';
import { putBehind, putOwed, takeBehind, takeOwed } from './outbound.store.ts';
import { mostEdus, mostPdus } from './transaction.ts';

export interface DestinationTools {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Sends one transaction; `isAway`: the last one failed, so that this is an attempt. */
  transmit(server: ServerName, events: readonly StoredEvent[], edus: readonly Edu[], isAway: boolean): Promise<void>;
  /** When the server may be asked again, in milliseconds since 1970; undefined for at once. */
  retryAt(server: ServerName): Promise<number | undefined>;
  /** Up to where all events have been handed to the queues. */
  distributed(): number;
  missed(destinationNid: number, since: number, upTo: number): Promise<StoredEvent[]>;
  readonly durableEdus: readonly DurableEdus[];
  /** Called when nothing is left to do or to remember. */
  onIdle(destination: Destination): void;
}

const mostQueued = 1000;
const firstPauseMs = 1000;
const longestPauseMs = 10 * 60_000;

/**
 * What is on its way to one other server: one transaction at a time, events in order. A server that does not answer is written down with the
 * position up to which it knows all, and then costs nothing but that row until it is tried again; when it is back, it is told the newest
 * events of its rooms first.
 */
export class Destination {
  readonly server: ServerName;
  readonly #nid: number;
  readonly #tools: DestinationTools;
  readonly #edus: EduQueue;
  #queue: Delivery[] = [];
  /** The server knows all up to here, and this is written down; undefined while it is up to date but for the queue. */
  #behind: number | undefined;
  /** It is being told what it missed: events go into the queue again. */
  #catchingUp = false;
  /** More came in than the queue may hold while it was told of what it had missed. */
  #missedMore = false;
  #durable: boolean;
  #running: Promise<void> | undefined;
  #failures = 0;
  #pause: Scheduled | undefined;
  #patience: Scheduled | undefined;
  #stopped = false;

  constructor(server: ServerName, nid: number, tools: DestinationTools, behind?: number) {
    this.server = server;
    this.#nid = nid;
    this.#tools = tools;
    this.#behind = behind;
    this.#edus = new EduQueue(tools.clock);
    this.#durable = behind !== undefined;
  }

  get isAway(): boolean {
    return this.#behind !== undefined || this.#failures > 0;
  }

  get isResting(): boolean {
    return this.#pause !== undefined;
  }

  /** Takes an event; settles it once the server has it, or is written down as not having it. */
  deliver(delivery: Delivery): void {
    if (this.#behind !== undefined && !this.#catchingUp) {
      if (isOwed(delivery, this.server)) void this.#owe(delivery);
      else delivery.settle();
      return;
    }
    this.#queue.push(delivery);
    this.#kick();
  }

  edu(edu: Edu, options: EduOptions): void {
    this.#edus.put(edu, options, this.isAway);
    const { patienceMs = 0 } = options;
    if (patienceMs <= 0) this.#kick();
    else if (!this.#running && !this.#pause) {
      this.#patience ??= this.#tools.clock.schedule(patienceMs, () => {
        this.#patience = undefined;
        this.#kick();
      });
    }
  }

  /** Something waits for the server in a table of durable EDUs. */
  wakeForDurable(): void {
    this.#durable = true;
    this.#kick();
  }

  /** The server shows that it lives, or its pause is over. */
  tryNow(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#kick();
  }

  /** Tries when the server may be asked again: after a restart. */
  async tryInTime(): Promise<void> {
    await this.#rest();
  }

  /** Ends with the transaction that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause?.cancel();
    this.#patience?.cancel();
    await this.#running;
  }

  #kick(): void {
    if (this.#running || this.#pause || this.#stopped) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#pause || this.#stopped) return;
      // Something may have come after the last look.
      if (this.#queue.length > 0 || this.#durable || (this.#edus.size > 0 && !this.#patience)) this.#kick();
      else if (this.#behind === undefined && this.#edus.size === 0) this.#tools.onIdle(this);
    });
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) {
        if (this.#behind === undefined && this.#queue.length > mostQueued) await this.#fallBehind();
        if (this.#behind !== undefined) await this.#catchUp(this.#behind);
        else if (!(await this.#sendNext())) return;
      }
    } catch (error) {
      this.#failures += 1;
      this.#tools.logger.info({ err: error, server: this.server }, 'a server could not be told; it is tried again later');
      await this.#giveUpForNow();
    }
  }

  /** Sends what waits; false where there is nothing. */
  async #sendNext(): Promise<boolean> {
    this.#patience?.cancel();
    this.#patience = undefined;
    const deliveries = this.#queue.slice(0, mostPdus);
    const durable = await this.#nextDurable();
    const ephemeral = this.#edus.next(mostEdus - durable.edus.length);
    const edus = [...durable.edus, ...ephemeral.edus];
    if (deliveries.length === 0 && edus.length === 0) return false;
    const events = deliveries.map(({ event }) => event);
    await this.#tools.transmit(this.server, events, edus, this.isAway);
    this.#failures = 0;
    this.#queue.splice(0, deliveries.length);
    for (const delivery of deliveries) delivery.settle();
    ephemeral.sent();
    await durable.delivered();
    return true;
  }

  async #nextDurable(): Promise<{ edus: Edu[]; delivered(): Promise<void> }> {
    const edus: Edu[] = [];
    const delivered: (() => Promise<void>)[] = [];
    if (this.#durable) {
      this.#durable = false;
      for (const source of this.#tools.durableEdus) {
        const limit = mostEdus - edus.length;
        const next = await source.next(this.server, limit);
        edus.push(...next.edus);
        if (next.edus.length > 0) delivered.push(() => next.delivered());
        if (next.edus.length >= limit) this.#durable = true;
      }
    }
    return {
      edus,
      delivered: async () => {
        for (const one of delivered) await one();
      },
    };
  }

  /** Tells the server what it has missed, and goes on with the queue. What it has taken is written down transaction by transaction. */
  async #catchUp(since: number): Promise<void> {
    const { database, distributed, missed, transmit } = this.#tools;
    const upTo = distributed();
    this.#catchingUp = true;
    const events = await missed(this.#nid, since, upTo);
    for (let start = 0; start < events.length; start += mostPdus) {
      const some = events.slice(start, start + mostPdus);
      await transmit(this.server, some, [], true);
      this.#failures = 0;
      const known = Math.max(since, some.at(-1)?.nid ?? since);
      await database.write((tx) => {
        putBehind(tx, this.#nid, known);
        takeOwed(
          tx,
          this.#nid,
          some.map(({ nid }) => nid),
        );
      });
      this.#behind = known;
      this.#boundQueue();
      if (this.#stopped) return;
    }
    this.#catchingUp = false;
    if (this.#missedMore) {
      this.#missedMore = false;
      await database.write((tx) => putBehind(tx, this.#nid, upTo));
      this.#behind = upTo;
      return;
    }
    // With no event to send, a sign of life has not been had yet: the next transaction tells.
    this.#behind = undefined;
    await database.write((tx) => takeBehind(tx, this.#nid));
  }

  /** While the row says that the server is behind, what the queue cannot hold may be left to the next round. */
  #boundQueue(): void {
    if (this.#queue.length <= mostQueued) return;
    this.#missedMore = true;
    const { kept, dropped } = splitOwed(this.#queue, this.server);
    this.#queue = kept;
    for (const delivery of dropped) delivery.settle();
  }

  /** Writes down up to where the server knows all; only then the queue is let go. */
  async #fallBehind(): Promise<void> {
    const first = this.#queue[0];
    const position = this.#behind ?? (first ? first.event.nid - 1 : this.#tools.distributed());
    let written = 0;
    do {
      const some = this.#queue.slice(written);
      await this.#tools.database.write((tx) => {
        putBehind(tx, this.#nid, position);
        for (const { event } of some.filter((one) => isOwed(one, this.server))) putOwed(tx, this.#nid, event.roomNid, event.nid);
      });
      written += some.length;
      // What came while this was being written belongs to it as well.
    } while (written < this.#queue.length);
    this.#behind = position;
    this.#catchingUp = false;
    this.#missedMore = false;
    const queue = this.#queue;
    this.#queue = [];
    for (const delivery of queue) delivery.settle();
  }

  async #giveUpForNow(): Promise<void> {
    this.#edus.thinOut();
    this.#durable = true;
    try {
      await this.#fallBehind();
    } catch (error) {
      // Then the queue keeps what it has, and nothing is lost by a restart either.
      this.#tools.logger.error({ err: error, server: this.server }, 'it could not be written down that a server is behind');
    }
    await this.#rest();
  }

  async #owe(delivery: Delivery): Promise<void> {
    try {
      const { roomNid, nid } = delivery.event;
      await this.#tools.database.write((tx) => putOwed(tx, this.#nid, roomNid, nid));
      delivery.settle();
    } catch (error) {
      // Not settled: after a restart it is delivered again.
      this.#tools.logger.error({ err: error, server: this.server }, 'it could not be written down what a server has missed');
    }
  }

  /** Waits until the server may be asked again. */
  async #rest(): Promise<void> {
    const { clock, random, retryAt } = this.#tools;
    // Servers that went away together do not all come back in the same moment.
    const plain = Math.min(firstPauseMs * 2 ** Math.max(0, this.#failures - 1), longestPauseMs);
    const ownMs = this.#failures === 0 ? 0 : (plain * random.integer(800, 1200)) / 1000;
    const wished = (await retryAt(this.server).catch(() => undefined)) ?? 0;
    if (this.#stopped) return;
    this.#pause?.cancel();
    this.#pause = clock.schedule(Math.max(ownMs, wished - clock.now()), () => this.tryNow());
  }
}

function splitOwed(queue: readonly Delivery[], server: ServerName): { kept: Delivery[]; dropped: Delivery[] } {
  const kept: Delivery[] = [];
  const dropped: Delivery[] = [];
  for (const delivery of queue) (isOwed(delivery, server) ? kept : dropped).push(delivery);
  return { kept, dropped };
}
