import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';

/** An EDU that waits for another server. */
export interface OutboxRow {
  readonly id: number;
  /** The content of the EDU, as JSON. */
  readonly content: string;
}

/** Puts EDUs into the queue of a server, behind what is there. */
export function putIntoOutbox(tx: Tx, serverNid: number, contents: readonly string[]): void {
  tx.insertMany(
    'to_device_outbox',
    ['server_nid', 'content'],
    contents.map((content) => [serverNid, content]),
  );
}

/** The oldest EDUs that wait for a server. */
export function waitingEdus(db: Db, serverNid: number, limit: number): Promise<OutboxRow[]> {
  return db.all(
    sql<OutboxRow>`SELECT id, content FROM to_device_outbox WHERE server_nid = ${serverNid} ORDER BY id LIMIT ${limit}`,
  );
}

/** The servers for which something waits. One step in the index for each. */
export async function serversWaitedFor(db: Db): Promise<number[]> {
  const rows = await db.all(
    sql<{ server_nid: number }>`WITH RECURSIVE found (server_nid) AS (
          SELECT MIN(server_nid) FROM to_device_outbox
          UNION ALL
          SELECT (SELECT MIN(o.server_nid) FROM to_device_outbox o WHERE o.server_nid > found.server_nid)
          FROM found WHERE found.server_nid IS NOT NULL
        ) SELECT server_nid FROM found WHERE server_nid IS NOT NULL`,
  );
  return rows.map(({ server_nid: nid }) => nid);
}

/** A server has them. */
export function takeFromOutbox(tx: Tx, ids: readonly number[]): void {
  tx.run(sql`DELETE FROM to_device_outbox WHERE id ${inList(ids)}`);
}

/** Whether a message of another server has been taken in. */
export async function wasReceived(db: Db, originNid: number, messageId: string): Promise<boolean> {
  const row = await db.get(sql<{ received_ts: number }>`SELECT received_ts FROM to_device_received
    WHERE origin_nid = ${originNid} AND message_id = ${messageId}`);
  return row !== undefined;
}

/** Notes, in the write that takes it in, that a message of another server is here. Twice is against the table's rules. */
export function rememberReceived(tx: Tx, originNid: number, messageId: string, now: number): void {
  tx.run(sql`INSERT INTO to_device_received (origin_nid, message_id, received_ts) VALUES (${originNid}, ${messageId}, ${now})`);
}
