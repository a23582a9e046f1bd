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
      sql`SELECT event_nid FROM sent_transactions WHERE user_nid = ${scope.userNid} AND device_id = ${scope.deviceId}
          AND path = ${scope.path} AND txn_id = ${scope.txnId}`,
    );
    return row?.event_nid;
  }

  /** Runs `work` once for a transaction id, however many requests with it come in at the same time. */
  async once<T>(scope: TransactionScope, work: () => Promise<T>): Promise<T> {
    const key = JSON.stringify([scope.userNid, scope.deviceId, scope.path, scope.txnId]);
    const running = this.#underWay.get(key);
    // The same key is the same path, so what runs is of the same kind.
    if (running) return running as Promise<T>;
    const started = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, started);
    return started;
  }

  /** Puts a transaction's outcome into the write of its event. */
  remember(tx: Tx, scope: TransactionScope, eventNid: number, now: number): void {
    tx.run(sql`INSERT INTO sent_transactions (user_nid, device_id, path, txn_id, event_nid, sent_ts)
      VALUES (${scope.userNid}, ${scope.deviceId}, ${scope.path}, ${scope.txnId}, ${eventNid}, ${now})`);
  }

  /** The transaction ids with which one device has sent some events, by the event's number: for `unsigned.transaction_id`. */
  async ofDevice(db: Db, userNid: number, deviceId: DeviceId, eventNids: readonly number[]): Promise<Map<number, string>> {
    if (eventNids.length === 0) return new Map();
    const rows = await db.all<{ event_nid: number; txn_id: string }>(
      sql`SELECT event_nid, txn_id FROM sent_transactions WHERE event_nid ${inList([...eventNids])}
          AND user_nid = ${userNid} AND device_id = ${deviceId}`,
    );
    return new Map(rows.map((row) => [row.event_nid, row.txn_id]));
  }

  /** Forgets transactions older than a moment (milliseconds since 1970). */
  async forgetBefore(timestamp: number): Promise<void> {
    await this.#database.write((tx) => tx.run(sql`DELETE FROM sent_transactions WHERE sent_ts < ${timestamp}`));
  }
}
