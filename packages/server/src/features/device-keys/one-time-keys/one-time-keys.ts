import { invalidParam, MatrixError } from '@myelin/protocol/errors';
import type { DeviceId } from '@myelin/protocol/identifiers';

import { ByteCache, stringBytes, type CacheBudget } from '../../../platform/cache/index.ts';
import type { Database, InteractiveTx, Tx } from '../../../platform/database/index.ts';
import { ClaimQueue, type ClaimedKey, type WantedKey } from './claim-queue.ts';
import type { ClaimsFile } from './claims-file.ts';
import {
  countLeft,
  foldSpentKeys,
  insertStock,
  insertStockedKeys,
  putFallbackKey,
  readSpentRanges,
  readStockedKeys,
  readStocksOfDevice,
  removeStocks,
  type StockedKey,
  voidStocks,
} from './one-time-keys.store.ts';
import { addSpentIds, isSpent, numberedId, type SpentRange } from './spent-ids.ts';

/** A key as a device uploads it, once or as fallback. */
export interface UploadedKey {
  readonly algorithm: string;
  /** The part of its name behind the algorithm. */
  readonly keyId: string;
  /** Canonical JSON: two uploads of one key are told by their text. */
  readonly json: string;
}

/** What a client is told of its device's keys in every sync. */
export interface KeyCounts {
  /** Keys left, by algorithm; 0 where there were some. */
  readonly left: Readonly<Record<string, number>>;
  /** Algorithms with a fallback key that nobody has got. */
  readonly unusedFallbacks: readonly string[];
}

export interface OneTimeKeysNeeds {
  readonly database: Database;
  readonly caches: CacheBudget;
  readonly claimsFile: ClaimsFile;
}

/** What vodozemac keeps of private halves: of more public ones, no client would know what to do with a message to the oldest. */
export const mostKeysOfStock = 5000;
/** There is one algorithm today. */
const mostAlgorithms = 10;
const countsBytes = 300;

/** Keys that are given out once, ever; https://spec.matrix.org/v1.19/client-server-api/#one-time-and-fallback-keys */
export class OneTimeKeys {
  readonly #database: Database;
  readonly #counts: ByteCache<string, KeyCounts>;
  readonly #claims: ClaimQueue;
  // What was read before a change must not be remembered after it.
  #changes = 0;

  constructor({ database, caches, claimsFile }: OneTimeKeysNeeds) {
    this.#database = database;
    this.#counts = new ByteCache({ budget: caches, cost: (_counts, key) => countsBytes + stringBytes(key) });
    this.#claims = new ClaimQueue({
      database,
      claimsFile,
      changedIn: (tx, userNid, deviceIds) => this.#changedIn(tx, userNid, deviceIds),
    });
  }

  /**
   * Adds to the stocks of a device. A key that is there, or was and has been given out, is passed over: the answer to an upload may have
   * been lost. Throws M_INVALID_PARAM where an id has another key, M_TOO_LARGE where it is too many.
   */
  async addIn(
    tx: InteractiveTx,
    device: { readonly userNid: number; readonly deviceId: DeviceId },
    uploaded: { readonly oneTime: readonly UploadedKey[]; readonly fallback: readonly UploadedKey[] },
  ): Promise<void> {
    const { userNid, deviceId } = device;
    const stocks = await readStocksOfDevice(tx, userNid, deviceId);
    const algorithms = new Set([...uploaded.oneTime, ...uploaded.fallback].map(({ algorithm }) => algorithm));
    const fresh = [...algorithms].filter((algorithm) => !stocks.has(algorithm));
    if (stocks.size + fresh.length > mostAlgorithms) throw tooMany(`A device has keys of at most ${mostAlgorithms} algorithms`);
    for (const algorithm of fresh) {
      stocks.set(algorithm, { userNid, deviceId, algorithm, stockId: await insertStock(tx, { userNid, deviceId, algorithm }) });
    }
    for (const [algorithm, keys] of Map.groupBy(uploaded.oneTime, (key) => key.algorithm)) {
      await addToStock(tx, stocks.get(algorithm)?.stockId ?? 0, keys);
    }
    for (const key of uploaded.fallback) {
      const stock = stocks.get(key.algorithm);
      // Uploaded again because the answer was lost: if somebody has got it meanwhile, it is used.
      const isThere = stock?.fallback?.keyId === key.keyId && stock.fallback.json === key.json;
      if (stock && !isThere) putFallbackKey(tx, stock.stockId, key);
    }
    this.#changedIn(tx, userNid, [deviceId]);
  }

  /** What a device has left; from memory where it can. */
  async countsOf(userNid: number, deviceId: DeviceId): Promise<KeyCounts> {
    const key = cacheKey(userNid, deviceId);
    const known = this.#counts.get(key);
    if (known) return known;
    const before = this.#changes;
    const stocks = [...(await readStocksOfDevice(this.#database, userNid, deviceId)).values()];
    const left =
      stocks.length === 0
        ? new Map<number, number>()
        : await countLeft(
            this.#database,
            stocks.map(({ stockId }) => stockId),
          );
    const counts: KeyCounts = {
      left: Object.fromEntries(stocks.map(({ stockId, algorithm }) => [algorithm, left.get(stockId) ?? 0])),
      unusedFallbacks: stocks.filter(({ fallback }) => fallback?.used === false).map(({ algorithm }) => algorithm),
    };
    if (this.#changes === before) this.#counts.set(key, counts);
    return counts;
  }

  /**
   * Takes a key for each: its oldest one-time key, else its fallback key; undefined where it has neither. When this resolves, it is
   * durable that nobody else gets the one-time keys.
   */
  claim(wanted: readonly WantedKey[]): Promise<(ClaimedKey | undefined)[]> {
    return this.#claims.claim(wanted);
  }

  /** Nobody will get what the device has uploaded so far. Its client sees it by the counts and uploads anew. */
  async void(userNid: number, deviceId: DeviceId): Promise<void> {
    await this.#database.write((tx) => {
      voidStocks(tx, userNid, deviceId);
      this.#changedIn(tx, userNid, [deviceId]);
    });
  }

  /** Forgets devices that are gone. */
  removeIn(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void {
    removeStocks(tx, userNid, deviceIds);
    this.#changedIn(tx, userNid, deviceIds);
  }

  #changedIn(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void {
    tx.onCommit(() => {
      this.#changes++;
      for (const deviceId of deviceIds) this.#counts.delete(cacheKey(userNid, deviceId));
    });
  }
}

async function addToStock(tx: InteractiveTx, stockId: number, uploaded: readonly UploadedKey[]): Promise<void> {
  const stocked = await readStockedKeys(tx, [stockId]);
  const byId = new Map(stocked.map((key) => [key.keyId, key]));
  const unknown: UploadedKey[] = [];
  for (const key of uploaded) {
    const there = byId.get(key.keyId);
    if (there === undefined) unknown.push(key);
    else if (!there.spent && there.json !== key.json) throw otherKeyExists(key, there);
  }
  const spent = stocked.filter((key) => key.spent).map(({ keyId }) => numberedId(keyId));
  const ranges = await spentRangesAround(tx, stockId, [...spent, ...unknown.map(({ keyId }) => numberedId(keyId))]);
  if (spent.length > 0) foldSpentKeys(tx, stockId, addSpentIds(ranges, spent));
  const fresh = unknown.filter(({ keyId }) => !isSpent(numberedId(keyId), ranges));
  if (stocked.length - spent.length + fresh.length > mostKeysOfStock) {
    throw tooMany(`A device has at most ${mostKeysOfStock} one-time keys of an algorithm`);
  }
  const next = (stocked.at(-1)?.position ?? -1) + 1;
  insertStockedKeys(
    tx,
    fresh.map(({ keyId, json }, index) => ({ stockId, position: next + index, keyId, json })),
  );
}

/** The ranges that say whether these ids are spent, and those they might join. */
async function spentRangesAround(
  tx: InteractiveTx,
  stockId: number,
  ids: readonly ReturnType<typeof numberedId>[],
): Promise<SpentRange[]> {
  if (ids.length === 0) return [];
  const numbers = ids.map(({ number }) => number);
  return readSpentRanges(tx, {
    stockId,
    families: [...new Set(ids.map(({ family }) => family))],
    first: numbers.reduce((one, other) => Math.min(one, other)),
    last: numbers.reduce((one, other) => Math.max(one, other)),
  });
}

/** Clients read this sentence: the Rust SDK finds both keys in it. */
function otherKeyExists({ algorithm, keyId, json }: UploadedKey, there: StockedKey): MatrixError {
  return invalidParam(`One time key ${algorithm}:${keyId} already exists. Old key: ${there.json}; new key: ${json}`);
}

function tooMany(reason: string): MatrixError {
  return new MatrixError('M_TOO_LARGE', reason, { status: 400 });
}

function cacheKey(userNid: number, deviceId: DeviceId): string {
  return `${userNid} ${deviceId}`;
}
