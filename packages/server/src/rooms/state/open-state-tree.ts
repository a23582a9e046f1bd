import { ByteCache, type CacheBudget } from '../../platform/cache/index.ts';
import { type Database, sql } from '../../platform/database/index.ts';
import type { Random } from '../../platform/random.ts';
import type { NodeCache } from './node-reader.ts';
import { emptyState, stateNodeBytes, type StateRoot } from './state-node.ts';
import { nodeIdFromBytes, nodeIdToBytes } from './state-nodes.store.ts';
import { StateTree } from './state-tree.ts';

/**
 * The state tree of a database, with the database's own secret, which is made when it is first asked for.
 * `memberType` is the interned number of `m.room.member`.
 */
export async function openStateTree(needs: {
  readonly database: Database;
  readonly cache: NodeCache;
  readonly random: Random;
  readonly memberType: number;
}): Promise<StateTree> {
  const { database, cache, memberType } = needs;
  await database.write((tx) =>
    tx.run(sql`INSERT INTO state_tree_secret (id, secret) VALUES (1, ${needs.random.bytes(16)}) ON CONFLICT (id) DO NOTHING`),
  );
  const row = await database.get(sql<{ secret: Uint8Array }>`SELECT secret FROM state_tree_secret WHERE id = 1`);
  if (row === undefined) throw new Error('the secret of the state tree was not stored');
  return new StateTree({ database, cache, memberType, secret: row.secret });
}

/**
 * Deletes up to `limit` nodes of a room that is gone, and tells whether that was all. Nothing may read or write the room's states
 * any more.
 */
export async function deleteRoomStates(database: Database, room: number, limit = 5_000): Promise<boolean> {
  const deleted = await database.transaction((tx) =>
    tx.change(sql`
      DELETE FROM state_nodes WHERE room_nid = ${room} AND node_id IN
        (SELECT node_id FROM state_nodes WHERE room_nid = ${room} ORDER BY node_id LIMIT ${limit})`),
  );
  return deleted < limit;
}

/** A cache for the decoded nodes of all rooms, within the budget that all caches share. */
export function createNodeCache(budget: CacheBudget): NodeCache {
  return new ByteCache({ budget, cost: stateNodeBytes });
}

/** A root as a column holds it; null for the empty state. */
export function stateRootToBytes(root: StateRoot): Uint8Array | null {
  return root === emptyState ? null : nodeIdToBytes(root);
}

/** What `stateRootToBytes` wrote. */
export function stateRootFromBytes(bytes: Uint8Array | null): StateRoot {
  return bytes === null ? emptyState : (nodeIdFromBytes(bytes) as StateRoot);
}
