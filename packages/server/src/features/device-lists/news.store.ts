import type { DeviceId } from '@myelin/protocol/identifiers';

import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';

/** What has changed in a user's list of devices. */
export type NewsKind = 'device' | 'deleted' | 'renamed' | 'cross-signing' | 'remote';

/** A change, written by its cause. */
export interface News {
  readonly userNid: number;
  /** Empty where no single device is meant. */
  readonly deviceId: DeviceId | '';
  readonly kind: NewsKind;
  /** The one user who sees the difference; everybody who knows the list, unless given. */
  readonly viewerNid?: number;
}

/** A change that has not got its position yet. */
export interface UnplacedNews extends News {
  readonly id: number;
}

/** A change with its place in the stream, and the update of the same user before it. */
export interface PlacedNews extends UnplacedNews {
  readonly position: number;
  readonly prev: number;
}

interface NewsRow {
  news_id: number;
  user_nid: number;
  viewer_nid: number;
  device_id: DeviceId | '';
  kind: number;
}

// The order is stored: append only.
const kinds: readonly NewsKind[] = ['device', 'deleted', 'renamed', 'cross-signing', 'remote'];

/** Notes a change in the transaction of its cause. */
export function putNews(tx: Tx, { userNid, deviceId, kind, viewerNid = 0 }: News): void {
  tx.run(sql`INSERT INTO device_list_news (user_nid, viewer_nid, device_id, kind)
    VALUES (${userNid}, ${viewerNid}, ${deviceId}, ${kinds.indexOf(kind)})`);
}

/** Changes without a position, oldest first. */
export async function unplacedNews(db: Db, limit: number): Promise<UnplacedNews[]> {
  const rows = await db.all<NewsRow>(
    sql`SELECT news_id, user_nid, viewer_nid, device_id, kind FROM device_list_news
        WHERE position IS NULL ORDER BY news_id LIMIT ${limit}`,
  );
  return rows.map(fromRow);
}

/** Changes of our own users that other servers are yet to be told of, oldest first. */
export async function untoldNews(db: Db, limit: number): Promise<PlacedNews[]> {
  const rows = await db.all<NewsRow & { position: number; prev: number }>(
    sql`SELECT news_id, user_nid, viewer_nid, device_id, kind, position, prev FROM device_list_news
        WHERE position IS NOT NULL ORDER BY position LIMIT ${limit}`,
  );
  return rows.map((row) => ({ ...fromRow(row), position: row.position, prev: row.prev }));
}

export function placeNews(tx: Tx, { id, position, prev }: Pick<PlacedNews, 'id' | 'position' | 'prev'>): void {
  tx.run(sql`UPDATE device_list_news SET position = ${position}, prev = ${prev} WHERE news_id = ${id}`);
}

export function forgetNews(tx: Tx, ids: readonly number[]): void {
  tx.run(sql`DELETE FROM device_list_news WHERE news_id ${inList(ids)}`);
}

/** Where the stream stands; 0 while nothing has changed. */
export async function lastPosition(db: Db): Promise<number> {
  const changes = await db.get<{ last: number | null }>(sql`SELECT MAX(position) AS last FROM device_list_changes`);
  const ownChanges = await db.get<{ last: number | null }>(sql`SELECT MAX(position) AS last FROM device_list_own_changes`);
  return Math.max(changes?.last ?? 0, ownChanges?.last ?? 0);
}

/** Puts a user's latest change in the place of the one before. */
export function putChange(tx: Tx, change: { userNid: number; position: number; updatePosition: number }): void {
  tx.run(sql`INSERT INTO device_list_changes (user_nid, position, update_position)
    VALUES (${change.userNid}, ${change.position}, ${change.updatePosition})
    ON CONFLICT (user_nid) DO UPDATE SET position = excluded.position, update_position = excluded.update_position`);
}

/** The same for a change that one user alone sees. */
export function putOwnChange(tx: Tx, change: { viewerNid: number; userNid: number; position: number }): void {
  tx.run(sql`INSERT INTO device_list_own_changes (viewer_nid, user_nid, position)
    VALUES (${change.viewerNid}, ${change.userNid}, ${change.position})
    ON CONFLICT (viewer_nid, user_nid) DO UPDATE SET position = excluded.position`);
}

/** The `stream_id` of the latest update of each user; those who never had one are left out. */
export async function updatePositions(db: Db, userNids: readonly number[]): Promise<Map<number, number>> {
  const rows = await db.all<{ user_nid: number; update_position: number }>(
    sql`SELECT user_nid, update_position FROM device_list_changes WHERE user_nid ${inList(userNids)}`,
  );
  return new Map(rows.map((row) => [row.user_nid, row.update_position]));
}

/** Users whose latest change came after a position. */
export async function changedSince(db: Db, since: number): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(sql`SELECT user_nid FROM device_list_changes WHERE position > ${since}`);
  return rows.map((row) => row.user_nid);
}

/** Users whose lists changed after a position for one viewer alone. */
export async function ownChangesSince(db: Db, viewerNid: number, since: number): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT user_nid FROM device_list_own_changes WHERE viewer_nid = ${viewerNid} AND position > ${since}`,
  );
  return rows.map((row) => row.user_nid);
}

function fromRow(row: NewsRow): UnplacedNews {
  return {
    id: row.news_id,
    userNid: row.user_nid,
    deviceId: row.device_id,
    kind: kinds[row.kind] ?? 'device',
    ...(row.viewer_nid !== 0 && { viewerNid: row.viewer_nid }),
  };
}
