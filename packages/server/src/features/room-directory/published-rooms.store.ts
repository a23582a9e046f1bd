import { invalidParam } from '@myelin/protocol/errors';
import type { RoomAlias, RoomId } from '@myelin/protocol/identifiers';

import { inList, sql, sqlPart, type Db, type Tx } from '../../platform/database/index.ts';
import { isEnterable, type RoomDescription } from './describe-room.ts';

/** A place in the directory's order, which is: most members first, the newer room first among those of one size. */
export interface DirectoryPlace {
  readonly joinedMembers: number;
  readonly roomNid: number;
}

/** Where a page begins: the rooms after a place, or those before it. */
export interface PageToken extends DirectoryPlace {
  readonly direction: 'after' | 'before';
}

/** A `next_batch` or `prev_batch`. It names a place rather than a number of rooms, so that rooms that come and go shift nothing. */
export function encodePageToken({ direction, joinedMembers, roomNid }: PageToken): string {
  return `${direction === 'after' ? 'n' : 'p'}${joinedMembers}_${roomNid}`;
}

/** Reads a `since`. Throws M_INVALID_PARAM where it is none of ours. */
export function decodePageToken(text: string): PageToken {
  const [, direction, joinedMembers, roomNid] = /^([np])(\d{1,15})_(\d{1,15})$/.exec(text) ?? [];
  if (direction === undefined) throw invalidParam('since is not a token of this server');
  return {
    direction: direction === 'n' ? 'after' : 'before',
    joinedMembers: Number(joinedMembers),
    roomNid: Number(roomNid),
  };
}

/** What rooms are looked for; all of it has to be true of a room. */
export interface DirectoryFilter {
  /** Found in name, topic or alias, whatever its case. */
  readonly term?: string;
  /** `null` stands for rooms without a type. */
  readonly roomTypes?: readonly (string | null)[];
}

/** A published room as it is kept. */
export interface PublishedRoom extends RoomDescription, DirectoryPlace {
  readonly roomId: RoomId;
}

interface Row {
  room_nid: number;
  room_id: RoomId;
  joined_members: number;
  name: string | null;
  topic: string | null;
  canonical_alias: RoomAlias | null;
  avatar_url: string | null;
  join_rule: string;
  room_type: string | null;
  world_readable: number;
  guest_can_join: number;
}

const columns = sqlPart(`r.room_id, p.room_nid, p.joined_members, p.name, p.topic, p.canonical_alias, p.avatar_url, p.join_rule,
  p.room_type, p.world_readable, p.guest_can_join`);
const shown = sqlPart('p.enterable = 1 AND p.joined_members > 0');

/** Whether a room is in the directory. */
export async function isPublished(db: Db, roomNid: number): Promise<boolean> {
  return (await db.get(sql`SELECT room_nid FROM published_rooms WHERE room_nid = ${roomNid}`)) !== undefined;
}

/** How many have joined a room that is in the directory; undefined for other rooms. */
export async function joinedMembersOfPublished(db: Db, roomNid: number): Promise<number | undefined> {
  const row = await db.get<{ joined_members: number }>(
    sql`SELECT joined_members FROM published_rooms WHERE room_nid = ${roomNid}`,
  );
  return row?.joined_members;
}

/** How many rooms the directory shows. */
export async function countPublished(db: Db): Promise<number> {
  const row = await db.get<{ rooms: number }>(sql`SELECT COUNT(*) AS rooms FROM published_rooms p WHERE ${shown}`);
  return row?.rooms ?? 0;
}

/**
 * Up to `limit` rooms on the asked side of a place (from the beginning where there is none), in the directory's order on both sides.
 * Walks the order's index and stops when it has them.
 */
export async function listPublished(
  db: Db,
  page: { readonly from: PageToken | undefined; readonly filter: DirectoryFilter; readonly limit: number },
): Promise<PublishedRoom[]> {
  const { from, filter, limit } = page;
  // Without a term the pattern is '%', which every text matches.
  const pattern = `%${searchForm(filter.term ?? '').replaceAll(/[!%_]/g, '!$&')}%`;
  const types = (filter.roomTypes ?? []).filter((type) => type !== null);
  const anyType = filter.roomTypes === undefined;
  const untyped = filter.roomTypes?.includes(null) ?? false;
  const place = from ?? { joinedMembers: Number.MAX_SAFE_INTEGER, roomNid: 0 };
  if (from?.direction === 'before') {
    const rows = await db.all<Row>(
      sql`SELECT ${columns} FROM published_rooms p JOIN rooms r ON r.room_nid = p.room_nid
          WHERE ${shown} AND (p.joined_members, p.room_nid) > (${place.joinedMembers}, ${place.roomNid})
            AND p.search_text LIKE ${pattern} ESCAPE '!'
            AND (CAST(${anyType} AS bigint) = 1 OR p.room_type ${inList(types)}
              OR (CAST(${untyped} AS bigint) = 1 AND p.room_type IS NULL))
          ORDER BY p.joined_members, p.room_nid LIMIT ${limit}`,
    );
    return rows.map(fromRow).reverse();
  }
  const rows = await db.all<Row>(
    sql`SELECT ${columns} FROM published_rooms p JOIN rooms r ON r.room_nid = p.room_nid
        WHERE ${shown} AND (p.joined_members, p.room_nid) < (${place.joinedMembers}, ${place.roomNid})
          AND p.search_text LIKE ${pattern} ESCAPE '!'
          AND (CAST(${anyType} AS bigint) = 1 OR p.room_type ${inList(types)}
            OR (CAST(${untyped} AS bigint) = 1 AND p.room_type IS NULL))
        ORDER BY p.joined_members DESC, p.room_nid DESC LIMIT ${limit}`,
  );
  return rows.map(fromRow);
}

/** Lists a room of which nothing is known yet: what follows from its events is filled in by `updateDescription`. */
export function publishBlank(tx: Tx, roomNid: number): void {
  tx.run(sql`INSERT INTO published_rooms (room_nid, enterable, joined_members, join_rule, world_readable, guest_can_join, search_text)
    VALUES (${roomNid}, 0, 0, 'invite', 0, 0, '') ON CONFLICT (room_nid) DO NOTHING`);
}

/** Writes how a room looks now, if it is in the directory. */
export function updateDescription(tx: Tx, roomNid: number, joinedMembers: number, room: RoomDescription): void {
  tx.run(sql`UPDATE published_rooms SET enterable = ${isEnterable(room)}, joined_members = ${joinedMembers},
      name = ${storable(room.name)}, topic = ${storable(room.topic)}, canonical_alias = ${room.canonicalAlias ?? null},
      avatar_url = ${storable(room.avatarUrl)}, join_rule = ${room.joinRule}, room_type = ${storable(room.roomType)},
      world_readable = ${room.worldReadable}, guest_can_join = ${room.guestCanJoin},
      search_text = ${searchForm([room.name, room.canonicalAlias, room.topic].filter(Boolean).join('\n'))}
    WHERE room_nid = ${roomNid}`);
}

/** Writes how many have joined a room, if it is in the directory. */
export function updateJoinedMembers(tx: Tx, roomNid: number, joinedMembers: number): void {
  tx.run(sql`UPDATE published_rooms SET joined_members = ${joinedMembers} WHERE room_nid = ${roomNid}`);
}

/** Takes a room out of the directory. */
export function removePublished(tx: Tx, roomNid: number): void {
  tx.run(sql`DELETE FROM published_rooms WHERE room_nid = ${roomNid}`);
}

/** The form in which texts are compared: neither case nor ways to write the same letter play a part. */
function searchForm(text: string): string {
  // PostgreSQL's LIKE ends at no U+0000, SQLite's does.
  return text.toWellFormed().replaceAll('\0', '').normalize('NFKC').toLowerCase().trim();
}

/** Strangers write names and topics, and a database holds no half of a surrogate pair. */
function storable(text: string | undefined): string | null {
  return text?.toWellFormed() ?? null;
}

function fromRow(row: Row): PublishedRoom {
  return {
    roomId: row.room_id,
    roomNid: row.room_nid,
    joinedMembers: row.joined_members,
    name: row.name ?? undefined,
    topic: row.topic ?? undefined,
    canonicalAlias: row.canonical_alias ?? undefined,
    avatarUrl: row.avatar_url ?? undefined,
    joinRule: row.join_rule,
    roomType: row.room_type ?? undefined,
    worldReadable: row.world_readable === 1,
    guestCanJoin: row.guest_can_join === 1,
  };
}
