import { sql, type Db, type Tx } from '../../platform/database/index.ts';

/** A row of a room that was entered without its members. */
export interface PartialRoomRow {
  readonly room_nid: number;
  readonly join_nid: number;
  readonly join_position: number;
  readonly origin_nid: number;
  readonly completed_position: number | null;
}

/** Every room that was ever entered so: the completed ones are few bytes each, and sync asks about them. */
export function readPartialRooms(db: Db): Promise<PartialRoomRow[]> {
  return db.all<PartialRoomRow>(sql`SELECT room_nid, join_nid, join_position, origin_nid, completed_position FROM partial_rooms`);
}

/** The servers of all rooms that are partial now. */
export function readPartialRoomServers(db: Db): Promise<{ room_nid: number; server_nid: number }[]> {
  return db.all(sql`SELECT room_nid, server_nid FROM partial_room_servers`);
}

export function putPartialRoom(tx: Tx, room: PartialRoomRow, serverNids: readonly number[]): void {
  forgetPartialRoom(tx, room.room_nid);
  tx.run(sql`INSERT INTO partial_rooms (room_nid, join_nid, join_position, origin_nid, completed_position)
    VALUES (${room.room_nid}, ${room.join_nid}, ${room.join_position}, ${room.origin_nid}, ${room.completed_position})`);
  tx.insertMany(
    'partial_room_servers',
    ['room_nid', 'server_nid'],
    [...new Set(serverNids)].map((serverNid) => [room.room_nid, serverNid]),
  );
}

export function completePartialRoom(tx: Tx, roomNid: number, position: number): void {
  tx.run(sql`UPDATE partial_rooms SET completed_position = ${position} WHERE room_nid = ${roomNid}`);
  tx.run(sql`DELETE FROM partial_room_servers WHERE room_nid = ${roomNid}`);
}

export function forgetPartialRoom(tx: Tx, roomNid: number): void {
  tx.run(sql`DELETE FROM partial_rooms WHERE room_nid = ${roomNid}`);
  tx.run(sql`DELETE FROM partial_room_servers WHERE room_nid = ${roomNid}`);
}
