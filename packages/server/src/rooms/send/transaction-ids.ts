import { hash } from 'node:crypto';

import type { DeviceId } from '@myelin/protocol/identifiers';

import { inList, sql, type Database, type Db, type Tx } from '../../platform/database/index.ts';
import { SentScopes } from './sent-scopes.ts';

const mostRecent = 5_000;
const forgottenAtOnce = 5_000;
/** Bytes of a hash: enough that no two transactions of a day ever meet. */
const scopeBytes = 12;

/**
 * What makes a client's transaction id its own: one device, one HTTP path.
 * https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
export class TransactionScope {
  readonly deviceId: DeviceId;
  readonly txnId: string;
  readonly text: string;
  /** Stands for it in the database. */
  readonly hash: Uint8Array;

  /** @param path the request's, without the transaction id */
  constructor({ userNid, deviceId, path, txnId }: { userNid: number; deviceId: DeviceId; path: string; txnId: string }) {
    this.deviceId = deviceId;
    this.txnId = txnId;
    this.text = JSON.stringify([userNid, deviceId, path, txnId]);
    this.hash = hash('sha256', this.text, 'buffer').subarray(0, scopeBytes);
  }
}

/** Remembers which event answered which of a device's transactions, across restarts. */
export class TransactionIds {
  readonly #database: Database;
  readonly #scopes: SentScopes;
  /** The newest, by their event: their senders' next syncs ask for them. */
  readonly #recent = new Map<number, { readonly deviceId: DeviceId; readonly txnId: string }>();
  /** Of the events with greater numbers all that were sent with a transaction id are among the recent ones. */
  #recentAfter: number;
  /** Transactions under way: a client that retries before the answer gets the same answer. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  /** @param lastNid the last event before this process began to send */
  constructor(database: Database, lastNid: number) {
    this.#database = database;
    this.#scopes = new SentScopes(database);
    this.#recentAfter = lastNid;
  }

  /** The number of the event that was sent with this transaction id. */
  async sentEvent({ hash }: TransactionScope): Promise<number | undefined> {
    if (!this.#scopes.mayHave(hash)) return undefined;
    const row = await this.#database.get<{ event_nid: number }>(
      sql`SELECT event_nid FROM sent_transactions WHERE scope = ${hash}`,
    );
    return row?.event_nid;
  }

  /** Runs `work` once for a transaction id, however many requests with it come in at the same time. */
  async once<T>(scope: TransactionScope, work: () => Promise<T>): Promise<T> {
    const key = scope.text;
    const running = this.#underWay.get(key);
    // The same key is the same path, so what runs is of the same kind.
    if (running) return running as Promise<T>;
    const started = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, started);
    return started;
  }

  /** Puts a transaction's outcome into the write of its event. */
  remember(tx: Tx, scope: TransactionScope, eventNid: number, now: number): void {
    const { deviceId, txnId, hash } = scope;
    this.#scopes.add(hash);
    this.#recent.set(eventNid, { deviceId, txnId });
    if (this.#recent.size > mostRecent) this.#forgetOldest();
    tx.run(sql`INSERT INTO sent_transactions (event_nid, scope, device_id, txn_id, sent_ts)
      VALUES (${eventNid}, ${hash}, ${deviceId}, ${txnId}, ${now})`);
  }

  /** The transaction ids with which a sender's device has sent some of their events, by the event's number: for `unsigned.transaction_id`. */
  async ofDevice(db: Db, deviceId: DeviceId, eventNids: readonly number[]): Promise<Map<number, string>> {
    const found = new Map<number, string>();
    const older: number[] = [];
    for (const eventNid of eventNids) {
      const sent = this.#recent.get(eventNid);
      if (sent?.deviceId === deviceId) found.set(eventNid, sent.txnId);
      else if (!sent && eventNid <= this.#recentAfter) older.push(eventNid);
    }
    if (older.length === 0) return found;
    const rows = await db.all<{ event_nid: number; txn_id: string }>(
      sql`SELECT event_nid, txn_id FROM sent_transactions WHERE event_nid ${inList(older)} AND device_id = ${deviceId}`,
    );
    for (const row of rows) found.set(row.event_nid, row.txn_id);
    return found;
  }

  #forgetOldest(): void {
    const oldest = this.#recent.keys().next().value;
    if (oldest === undefined) return;
    this.#recent.delete(oldest);
    this.#recentAfter = Math.max(this.#recentAfter, oldest);
  }

  /** Forgets transactions older than a moment (milliseconds since 1970). */
  async forgetBefore(timestamp: number): Promise<void> {
    await this.#deleteBefore(timestamp);
    this.#scopes.thinOut();
  }

  /** Goes through the oldest, which have the smallest numbers. */
  async #deleteBefore(timestamp: number): Promise<void> {
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
