import { hash } from 'node:crypto';

import type { DeviceId } from '@myelin/protocol/identifiers';

import { inList, sql, type Database, type Db, type Tx } from '../../platform/database/index.ts';

/**
 * What makes a client's transaction id its own: one device, one HTTP path.
 * https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
export interface TransactionScope {
  readonly userNid: number;
  readonly deviceId: DeviceId;
  /** The request's path without the transaction id. */
  readonly path: string;
  readonly txnId: string;
}

/** Remembers which event answered which of a device's transactions, across restarts. */
export class TransactionIds {
  readonly #database: Database;
  /** Transactions under way: a client that retries before the answer gets the same answer. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** The number of the event that was sent with this transaction id. */
  async sentEvent(scope: TransactionScope): Promise<number | undefined> {
    const row = await this.#database.get<{ event_nid: number }>(
      sql`SELECT event_nid FROM sent_transactions WHERE scope = ${hashOf(scope)}`,
    );
    return row?.event_nid;
  }

  /** Runs `work` once for a transaction id, however many requests with it come in at the same time. */
  async once<T>(scope: TransactionScope, work: () => Promise<T>): Promise<T> {
    const key = textOf(scope);
    const running = this.#underWay.get(key);
    // The same key is the same path, so what runs is of the same kind.
    if (running) return running as Promise<T>;
    const started = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, started);
    return started;
  }

  /** Puts a transaction's outcome into the write of its event. */
  remember(tx: Tx, scope: TransactionScope, eventNid: number, now: number): void {
    tx.run(sql`INSERT INTO sent_transactions (event_nid, scope, device_id, txn_id, sent_ts)
      VALUES (${eventNid}, ${hashOf(scope)}, ${scope.deviceId}, ${scope.txnId}, ${now})`);
  }

  /** The transaction ids with which a sender's device has sent some of their events, by the event's number: for `unsigned.transaction_id`. */
  async ofDevice(db: Db, deviceId: DeviceId, eventNids: readonly number[]): Promise<Map<number, string>> {
    if (eventNids.length === 0) return new Map();
    const rows = await db.all<{ event_nid: number; txn_id: string }>(
      sql`SELECT event_nid, txn_id FROM sent_transactions WHERE event_nid ${inList([...eventNids])}
          AND device_id = ${deviceId}`,
    );
    return new Map(rows.map((row) => [row.event_nid, row.txn_id]));
  }

  /** Forgets transactions older than a moment (milliseconds since 1970). Goes through the oldest, which have the smallest numbers. */
  async forgetBefore(timestamp: number): Promise<void> {
    for (;;) {
      const [oldest] = await this.#database.all<{ last: number | null; latest: number | null }>(
        sql`SELECT MAX(event_nid) AS last, MAX(sent_ts) AS latest FROM
            (SELECT event_nid, sent_ts FROM sent_transactions ORDER BY event_nid LIMIT ${forgottenAtOnce}) oldest`,
      );
      if (!oldest || oldest.last === null) return;
      await this.#database.write((tx) =>
        tx.run(sql`DELETE FROM sent_transactions WHERE event_nid <= ${oldest.last} AND sent_ts < ${timestamp}`),
      );
      if (oldest.latest === null || oldest.latest >= timestamp) return;
    }
  }
}

const forgottenAtOnce = 5_000;
/** Bytes of a hash: enough that no two transactions of a day ever meet. */
const scopeBytes = 12;

function textOf(scope: TransactionScope): string {
  return JSON.stringify([scope.userNid, scope.deviceId, scope.path, scope.txnId]);
}

function hashOf(scope: TransactionScope): Uint8Array {
  return hash('sha256', textOf(scope), 'buffer').subarray(0, scopeBytes);
}
