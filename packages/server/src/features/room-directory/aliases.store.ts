import type { RoomAlias } from '@myelin/protocol/identifiers';

import { sql, type Db, type Tx } from '../../platform/database/index.ts';

/** A local alias as it is kept. */
export interface AliasRow {
  readonly roomNid: number;
  readonly creatorNid: number;
}

/** What an alias points to; undefined where there is no such alias. */
export async function findAlias(db: Db, alias: RoomAlias): Promise<AliasRow | undefined> {
  const row = await db.get<{ room_nid: number; creator_nid: number }>(
    sql`SELECT room_nid, creator_nid FROM room_aliases WHERE alias = ${alias}`,
  );
  return row && { roomNid: row.room_nid, creatorNid: row.creator_nid };
}

/** The local aliases of a room, in code point order. */
export async function aliasesOfRoom(db: Db, roomNid: number): Promise<RoomAlias[]> {
  const rows = await db.all<{ alias: RoomAlias }>(sql`SELECT alias FROM room_aliases WHERE room_nid = ${roomNid} ORDER BY alias`);
  return rows.map(({ alias }) => alias);
}

/** Writes a new alias; the commit fails with a `ConstraintError` where it is there already. */
export function insertAlias(tx: Tx, alias: RoomAlias, row: AliasRow): void {
  tx.run(sql`INSERT INTO room_aliases (alias, room_nid, creator_nid) VALUES (${alias}, ${row.roomNid}, ${row.creatorNid})`);
}

/** Removes an alias, where it still points to that room. */
export function deleteAlias(tx: Tx, alias: RoomAlias, roomNid: number): void {
  tx.run(sql`DELETE FROM room_aliases WHERE alias = ${alias} AND room_nid = ${roomNid}`);
}

/** Points all aliases of one room to another. */
export function moveAliases(tx: Tx, fromRoomNid: number, toRoomNid: number): void {
  tx.run(sql`UPDATE room_aliases SET room_nid = ${toRoomNid} WHERE room_nid = ${fromRoomNid}`);
}
