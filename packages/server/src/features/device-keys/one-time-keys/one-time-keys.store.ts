import type { DeviceId } from '@myelin/protocol/identifiers';

import { type Db, inList, type InteractiveTx, sql, sqlPart, type Tx } from '../../../platform/database/index.ts';
import type { SpentRange } from './spent-ids.ts';

/** What a device has of one algorithm. */
export interface Stock {
  readonly stockId: number;
  readonly userNid: number;
  readonly deviceId: DeviceId;
  readonly algorithm: string;
  readonly fallback?: { readonly keyId: string; readonly json: string; readonly used: boolean };
}

/** A one-time key of a stock. */
export interface StockedKey {
  readonly stockId: number;
  /** Keys that were uploaded earlier have smaller ones. */
  readonly position: number;
  /** The part of its name behind the algorithm. */
  readonly keyId: string;
  readonly json: string;
  /** It was given out. */
  readonly spent: boolean;
}

const stockColumns = sqlPart('stock_id, user_nid, device_id, algorithm, fallback_key_id, fallback_key, fallback_used');

interface StockRow {
  stock_id: number;
  user_nid: number;
  device_id: DeviceId;
  algorithm: string;
  fallback_key_id: string | null;
  fallback_key: string | null;
  fallback_used: number;
}

function stockOf(row: StockRow): Stock {
  return {
    stockId: row.stock_id,
    userNid: row.user_nid,
    deviceId: row.device_id,
    algorithm: row.algorithm,
    ...(row.fallback_key_id !== null &&
      row.fallback_key !== null && {
        fallback: { keyId: row.fallback_key_id, json: row.fallback_key, used: row.fallback_used === 1 },
      }),
  };
}

/**
 * Of more users or stocks at once PostgreSQL would read the whole table, where it has no statistics or they are a tenth of all.
 */
const atOnce = 20;

/** All stocks of these users' devices. */
export async function readStocks(db: Db, userNids: readonly number[]): Promise<Stock[]> {
  const stocks: Stock[] = [];
  for (let start = 0; start < userNids.length; start += atOnce) {
    const rows = await db.all(sql<StockRow>`SELECT ${stockColumns}
      FROM one_time_key_stocks WHERE user_nid ${inList(userNids.slice(start, start + atOnce))}`);
    stocks.push(...rows.map(stockOf));
  }
  return stocks;
}

/** The stocks of one device, by their algorithm. */
export async function readStocksOfDevice(db: Db, userNid: number, deviceId: DeviceId): Promise<Map<string, Stock>> {
  const rows = await db.all(sql<StockRow>`SELECT ${stockColumns}
    FROM one_time_key_stocks WHERE user_nid = ${userNid} AND device_id = ${deviceId} ORDER BY algorithm`);
  return new Map(rows.map((row) => [row.algorithm, stockOf(row)]));
}

/** A new, empty stock; gives its number. */
export async function insertStock(
  tx: InteractiveTx,
  stock: { readonly userNid: number; readonly deviceId: DeviceId; readonly algorithm: string },
): Promise<number> {
  const row = await tx.get(sql<{ stock_id: number }>`INSERT INTO one_time_key_stocks (user_nid, device_id, algorithm)
    VALUES (${stock.userNid}, ${stock.deviceId}, ${stock.algorithm}) RETURNING stock_id`);
  if (row === undefined) throw new Error('a stock of one-time keys was not made');
  return row.stock_id;
}

/** Replaces the fallback key of a stock with one that nobody has got yet. */
export function putFallbackKey(tx: Tx, stockId: number, key: { readonly keyId: string; readonly json: string }): void {
  tx.run(sql`UPDATE one_time_key_stocks SET fallback_key_id = ${key.keyId}, fallback_key = ${key.json}, fallback_used = 0
    WHERE stock_id = ${stockId}`);
}

export function markFallbacksUsed(tx: Tx, stockIds: readonly number[]): void {
  tx.run(sql`UPDATE one_time_key_stocks SET fallback_used = 1 WHERE stock_id ${inList(stockIds)}`);
}

/** All keys of these stocks, spent ones among them. */
export async function readStockedKeys(db: Db, stockIds: readonly number[]): Promise<StockedKey[]> {
  const rows = await db.all(sql<{ stock_id: number; position: number; key_id: string; key_json: string; spent: number }>`
    SELECT stock_id, position, key_id, key_json, spent FROM one_time_keys WHERE stock_id ${inList(stockIds)} ORDER BY position`);
  return rows.map((row) => ({
    stockId: row.stock_id,
    position: row.position,
    keyId: row.key_id,
    json: row.key_json,
    spent: row.spent === 1,
  }));
}

export function insertStockedKeys(tx: Tx, keys: readonly Omit<StockedKey, 'spent'>[]): void {
  tx.insertMany(
    'one_time_keys',
    ['stock_id', 'position', 'key_id', 'key_json'],
    keys.map((key) => [key.stockId, key.position, key.keyId, key.json]),
  );
}

/** Marks the oldest key of each of these stocks as spent and gives it. A stock that has none left is missing from the answer. */
export async function takeOldest(
  tx: InteractiveTx,
  stockIds: readonly number[],
): Promise<Map<number, { readonly keyId: string; readonly json: string }>> {
  const taken = new Map<number, { readonly keyId: string; readonly json: string }>();
  for (let start = 0; start < stockIds.length; start += atOnce) {
    const rows = await tx.all(sql<{ stock_id: number; key_id: string; key_json: string }>`UPDATE one_time_keys SET spent = 1
      WHERE (stock_id, position) IN
        (SELECT stock_id, MIN(position) FROM one_time_keys
         WHERE stock_id ${inList(stockIds.slice(start, start + atOnce))} AND spent = 0 GROUP BY stock_id)
      RETURNING stock_id, key_id, key_json`);
    for (const row of rows) taken.set(row.stock_id, { keyId: row.key_id, json: row.key_json });
  }
  return taken;
}

/** How many keys each of these stocks has left; one that has none is missing. */
export async function countLeft(db: Db, stockIds: readonly number[]): Promise<Map<number, number>> {
  const rows = await db.all(sql<{ stock_id: number; keys_left: number }>`SELECT stock_id, COUNT(*) AS keys_left FROM one_time_keys
    WHERE stock_id ${inList(stockIds)} AND spent = 0 GROUP BY stock_id`);
  return new Map(rows.map((row) => [row.stock_id, row.keys_left]));
}

/** Ranges of a stock's spent ids that touch or neighbour the numbers from `first` to `last` of these families. */
export async function readSpentRanges(
  db: Db,
  wanted: { readonly stockId: number; readonly families: readonly string[]; readonly first: number; readonly last: number },
): Promise<SpentRange[]> {
  const rows = await db.all(sql<{ family: string; first_number: number; last_number: number }>`
    SELECT family, first_number, last_number FROM spent_key_ids
    WHERE stock_id = ${wanted.stockId} AND family ${inList(wanted.families)}
      AND first_number <= ${wanted.last + 1} AND last_number >= ${wanted.first - 1}`);
  return rows.map((row) => ({ family: row.family, first: row.first_number, last: row.last_number }));
}

/** Replaces ranges of a stock's spent ids with others, and forgets the spent keys themselves. */
export function foldSpentKeys(
  tx: Tx,
  stockId: number,
  { gone, fresh }: { readonly gone: readonly SpentRange[]; readonly fresh: readonly SpentRange[] },
): void {
  for (const { family, first } of gone) {
    tx.run(sql`DELETE FROM spent_key_ids WHERE stock_id = ${stockId} AND family = ${family} AND first_number = ${first}`);
  }
  tx.insertMany(
    'spent_key_ids',
    ['stock_id', 'family', 'first_number', 'last_number'],
    fresh.map(({ family, first, last }) => [stockId, family, first, last]),
  );
  tx.run(sql`DELETE FROM one_time_keys WHERE stock_id = ${stockId} AND spent = 1`);
}

/** All that these devices have of any algorithm, and the memory of what they had. */
export function removeStocks(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void {
  const devices = inList(deviceIds);
  tx.run(sql`DELETE FROM one_time_keys WHERE stock_id IN
    (SELECT stock_id FROM one_time_key_stocks WHERE user_nid = ${userNid} AND device_id ${devices})`);
  tx.run(sql`DELETE FROM spent_key_ids WHERE stock_id IN
    (SELECT stock_id FROM one_time_key_stocks WHERE user_nid = ${userNid} AND device_id ${devices})`);
  tx.run(sql`DELETE FROM one_time_key_stocks WHERE user_nid = ${userNid} AND device_id ${devices}`);
}

/** Nobody will get what this device has uploaded so far, but for its fallback keys, which count as used. */
export function voidStocks(tx: Tx, userNid: number, deviceId: DeviceId): void {
  tx.run(sql`UPDATE one_time_keys SET spent = 1 WHERE spent = 0 AND stock_id IN
    (SELECT stock_id FROM one_time_key_stocks WHERE user_nid = ${userNid} AND device_id = ${deviceId})`);
  tx.run(sql`UPDATE one_time_key_stocks SET fallback_used = 1 WHERE user_nid = ${userNid} AND device_id = ${deviceId}`);
}

/** The same for the devices of all users. */
export function voidAllStocks(tx: Tx): void {
  tx.run(sql`UPDATE one_time_keys SET spent = 1 WHERE spent = 0`);
  tx.run(sql`UPDATE one_time_key_stocks SET fallback_used = 1 WHERE fallback_used = 0`);
}

/** How often keys were taken from stocks so far. */
export async function readClaimCount(db: Db): Promise<number> {
  return (await db.get(sql<{ claims: number }>`SELECT claims FROM one_time_key_claims WHERE id = 1`))?.claims ?? 0;
}

/** Counts once more and gives the number. */
export async function countClaim(tx: InteractiveTx): Promise<number> {
  const row = await tx.get(
    sql<{ claims: number }>`UPDATE one_time_key_claims SET claims = claims + 1 WHERE id = 1 RETURNING claims`,
  );
  return row?.claims ?? 0;
}

/** Sets the count of claims to no less than this. */
export function raiseClaimCount(tx: Tx, claims: number): void {
  tx.run(sql`UPDATE one_time_key_claims SET claims = ${claims} WHERE id = 1 AND claims < ${claims}`);
}
