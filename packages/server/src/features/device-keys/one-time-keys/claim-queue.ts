import type { DeviceId } from '@myelin/protocol/identifiers';

import type { Database, InteractiveTx, Tx } from '../../../platform/database/index.ts';
import type { ClaimsFile } from './claims-file.ts';
import { countClaim, markFallbacksUsed, readStocks, type Stock, takeOldest } from './one-time-keys.store.ts';

/** A device of which somebody wants a key. */
export interface WantedKey {
  readonly userNid: number;
  readonly deviceId: DeviceId;
  readonly algorithm: string;
}

/** A key that somebody gets. */
export interface ClaimedKey {
  /** `<algorithm>:<key_id>` */
  readonly name: string;
  /** JSON as it was uploaded. */
  readonly json: string;
}

export interface ClaimQueueNeeds {
  readonly database: Database;
  readonly claimsFile: ClaimsFile;
  /** Hears whose counts are others when `tx` is durable. */
  changedIn(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void;
}

interface Waiting {
  readonly wanted: readonly WantedKey[];
  resolve(claimed: (ClaimedKey | undefined)[]): void;
  reject(error: unknown): void;
}

/** One want of one request, with where its answer goes. */
interface Want {
  readonly stock: Stock;
  readonly answer: (ClaimedKey | undefined)[];
  readonly index: number;
}

/** Some 30 ms of SQLite's one writer: a request for a room of thousands takes several turns, and others write in between. */
const mostWantsOfTransaction = 1_000;

/**
 * Takes keys from stocks, one transaction after another; requests that come meanwhile share the next one and its commit. Within a
 * transaction each statement marks what it gives, so no two requests get one key; between processes the database sees to that.
 */
export class ClaimQueue {
  readonly #needs: ClaimQueueNeeds;
  readonly #waiting: Waiting[] = [];
  #running = false;

  constructor(needs: ClaimQueueNeeds) {
    this.#needs = needs;
  }

  async claim(wanted: readonly WantedKey[]): Promise<(ClaimedKey | undefined)[]> {
    const pieces: Promise<(ClaimedKey | undefined)[]>[] = [];
    for (let start = 0; start < wanted.length; start += mostWantsOfTransaction) {
      pieces.push(this.#enqueue(wanted.slice(start, start + mostWantsOfTransaction)));
    }
    return (await Promise.all(pieces)).flat();
  }

  #enqueue(wanted: readonly WantedKey[]): Promise<(ClaimedKey | undefined)[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ wanted, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        const { answers, claims } = await this.#needs.database.transaction((tx) => this.#claimIn(tx, batch));
        // First the database, then the file, then the answer: the file is never ahead of a database that was not restored.
        if (claims !== undefined) this.#needs.claimsFile.note(claims);
        for (const [index, { resolve }] of batch.entries()) resolve(answers[index] ?? []);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }

  #takeBatch(): Waiting[] {
    let [end, wants] = [0, 0];
    for (const { wanted } of this.#waiting) {
      wants += wanted.length;
      if (end > 0 && wants > mostWantsOfTransaction) break;
      end++;
    }
    return this.#waiting.splice(0, end);
  }

  async #claimIn(
    tx: InteractiveTx,
    batch: readonly Waiting[],
  ): Promise<{ readonly answers: (ClaimedKey | undefined)[][]; readonly claims: number | undefined }> {
    const answers = batch.map(({ wanted }) => wanted.map((): ClaimedKey | undefined => undefined));
    const stocks = await stocksOf(tx, batch);
    const wants: Want[] = batch.flatMap(({ wanted }, request) =>
      wanted.flatMap((want, index) => {
        const stock = stocks.get(stockKey(want));
        const answer = answers[request];
        return stock && answer ? [{ stock, answer, index }] : [];
      }),
    );
    const unserved = await this.#takeOneTimeKeys(tx, wants);
    this.#giveFallbacks(tx, unserved);
    const taken = wants.length > unserved.length;
    return { answers, claims: taken ? await countClaim(tx) : undefined };
  }

  /** Each statement takes one key of each stock; so there are as many as one device is asked for keys. Gives those that got none. */
  async #takeOneTimeKeys(tx: InteractiveTx, wants: readonly Want[]): Promise<Want[]> {
    const unserved: Want[] = [];
    const changed: Stock[] = [];
    let queues = [...Map.groupBy(wants, ({ stock }) => stock.stockId).values()];
    while (queues.length > 0) {
      const stockIds = queues.flatMap(([first]) => (first ? [first.stock.stockId] : []));
      const taken = await takeOldest(tx, stockIds);
      for (const queue of queues) {
        const [first] = queue;
        const key = first && taken.get(first.stock.stockId);
        if (!key) {
          unserved.push(...queue.splice(0));
          continue;
        }
        queue.shift();
        changed.push(first.stock);
        first.answer[first.index] = { name: `${first.stock.algorithm}:${key.keyId}`, json: key.json };
      }
      queues = queues.filter((queue) => queue.length > 0);
    }
    this.#changed(tx, changed);
    return unserved;
  }

  #giveFallbacks(tx: Tx, unserved: readonly Want[]): void {
    const firstUsed = new Map<number, Stock>();
    for (const { stock, answer, index } of unserved) {
      if (!stock.fallback) continue;
      answer[index] = { name: `${stock.algorithm}:${stock.fallback.keyId}`, json: stock.fallback.json };
      if (!stock.fallback.used) firstUsed.set(stock.stockId, stock);
    }
    if (firstUsed.size === 0) return;
    markFallbacksUsed(tx, [...firstUsed.keys()]);
    this.#changed(tx, [...firstUsed.values()]);
  }

  #changed(tx: Tx, stocks: readonly Stock[]): void {
    for (const { userNid, deviceId } of stocks) this.#needs.changedIn(tx, userNid, [deviceId]);
  }
}

async function stocksOf(tx: InteractiveTx, batch: readonly Waiting[]): Promise<Map<string, Stock>> {
  const userNids = new Set(batch.flatMap(({ wanted }) => wanted.map(({ userNid }) => userNid)));
  return new Map((await readStocks(tx, [...userNids])).map((stock) => [stockKey(stock), stock]));
}

function stockKey({ userNid, deviceId, algorithm }: WantedKey): string {
  return JSON.stringify([userNid, deviceId, algorithm]);
}
