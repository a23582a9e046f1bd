import { type Db, inList, sql, type Tx, type WriteLane, type Database } from '../../platform/database/index.ts';
import type { NodeId } from './state-node.ts';

/** More names than this go to the database in several questions, so that none of them is long. */
const namesAtOnce = 1_000;

/** A node as the database has it. */
export interface StoredNode {
  readonly id: NodeId;
  readonly body: Uint8Array;
}

/** The bodies of a room's nodes; names that are not there are left out. */
export async function loadNodes(db: Db, room: number, ids: readonly NodeId[]): Promise<StoredNode[]> {
  const parts: Promise<{ node_id: Uint8Array; body: Uint8Array }[]>[] = [];
  for (let from = 0; from < ids.length; from += namesAtOnce) {
    const names = ids.slice(from, from + namesAtOnce).map(nodeIdToBytes);
    parts.push(
      db.all(sql<{ node_id: Uint8Array; body: Uint8Array }>`
        SELECT node_id, body FROM state_nodes WHERE room_nid = ${room} AND node_id ${inList(names)}`),
    );
  }
  const rows = (await Promise.all(parts)).flat();
  return rows.map((row) => ({ id: nodeIdFromBytes(row.node_id), body: row.body }));
}

/** Adds nodes to a room. One that is there already is left alone: the same name is the same body. */
export function putNodes(tx: Tx, room: number, nodes: Iterable<StoredNode>): void {
  const rows = Array.from(nodes, ({ id, body }) => [room, nodeIdToBytes(id), body]);
  if (rows.length > 0) tx.insertMany('state_nodes', ['room_nid', 'node_id', 'body'], rows, '(room_nid, node_id) DO NOTHING');
}

/** The names of up to `limit` nodes of a room, in order, from the first one after `after`. */
export async function listNodes(db: Db, room: number, after: NodeId, limit: number): Promise<NodeId[]> {
  const rows = await db.all(sql<{ node_id: Uint8Array }>`
    SELECT node_id FROM state_nodes WHERE room_nid = ${room} AND node_id > ${nodeIdToBytes(after)} ORDER BY node_id LIMIT ${limit}`);
  return rows.map((row) => nodeIdFromBytes(row.node_id));
}

/** Takes nodes out of a room, in the order of the room's other writes. */
export async function deleteNodes(database: Database, lane: WriteLane, room: number, ids: readonly NodeId[]): Promise<void> {
  if (ids.length === 0) return;
  await database.write(
    (tx) => tx.run(sql`DELETE FROM state_nodes WHERE room_nid = ${room} AND node_id ${inList(ids.map(nodeIdToBytes))}`),
    {
      lane,
    },
  );
}

export function nodeIdToBytes(id: NodeId): Uint8Array {
  return Buffer.from(id, 'latin1');
}

export function nodeIdFromBytes(bytes: Uint8Array): NodeId {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1') as NodeId;
}
