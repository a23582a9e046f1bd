import { sql, type Db, type Tx } from '../../platform/database/index.ts';

/** What a transaction of another server was answered, as JSON; undefined for one that is new. */
export async function answerOf(db: Db, originNid: number, transactionId: string): Promise<string | undefined> {
  const row = await db.get<{ answer: string }>(
    sql`SELECT answer FROM received_transactions WHERE origin_nid = ${originNid} AND txn_id = ${transactionId}`,
  );
  return row?.answer;
}

/** Keeps an answer, in the write that stores what the transaction brought. */
export function putAnswer(tx: Tx, originNid: number, transactionId: string, answer: string, now: number): void {
  tx.run(sql`INSERT INTO received_transactions (origin_nid, txn_id, answer, received_ts)
    VALUES (${originNid}, ${transactionId}, ${answer}, ${now}) ON CONFLICT (origin_nid, txn_id) DO NOTHING`);
}

/** Forgets the answers that were given before a moment (milliseconds since 1970). */
export function forgetAnswers(tx: Tx, before: number): void {
  tx.run(sql`DELETE FROM received_transactions WHERE received_ts < ${before}`);
}
