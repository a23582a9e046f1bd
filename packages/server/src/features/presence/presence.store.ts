import { inList, sql, sqlPart, type Db, type Tx } from '../../platform/database/index.ts';
import type { PresenceState } from './presence-rules.ts';

/** A user's presence as it was last written down. */
export interface StoredPresence {
  readonly userNid: number;
  readonly position: number;
  readonly state: PresenceState;
  readonly lastActiveTs: number;
  readonly statusMsg: string | undefined;
}

interface Row {
  user_nid: number;
  position: number;
  state: number;
  last_active_ts: number;
  status_msg: string | null;
}

// The order is stored: append only.
const states: readonly PresenceState[] = ['offline', 'unavailable', 'online'];
const columns = ['user_nid', 'position', 'state', 'last_active_ts', 'status_msg'] as const;
const columnList = sqlPart(columns.join(', '));

/** Those of the users who ever had a presence. */
export async function readPresences(db: Db, userNids: readonly number[]): Promise<StoredPresence[]> {
  const rows = await db.all<Row>(sql`SELECT ${columnList} FROM presence WHERE user_nid ${inList(userNids)}`);
  return rows.map(revive);
}

/** Everybody who was not offline. */
export async function readThoseThere(db: Db): Promise<StoredPresence[]> {
  return (await db.all<Row>(sql`SELECT ${columnList} FROM presence WHERE state <> 0`)).map(revive);
}

/** Users who went offline after `since`. */
export async function goneSince(db: Db, since: number): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(sql`SELECT user_nid FROM presence WHERE position > ${since} AND state = 0`);
  return rows.map((row) => row.user_nid);
}

/** Everybody who ever had a presence, offline or not. */
export async function allWithPresence(db: Db): Promise<number[]> {
  return (await db.all<{ user_nid: number }>(sql`SELECT user_nid FROM presence`)).map((row) => row.user_nid);
}

/** The largest position that was written down; 0 for none. */
export async function lastPosition(db: Db): Promise<number> {
  const row = await db.get<{ last: number | null }>(sql`SELECT MAX(position) AS last FROM presence`);
  return row?.last ?? 0;
}

/** Writes down presences in the place of what was there. */
export function putPresences(tx: Tx, presences: readonly StoredPresence[]): void {
  tx.insertMany(
    'presence',
    columns,
    presences.map(({ userNid, position, state, lastActiveTs, statusMsg }) => [
      userNid,
      position,
      states.indexOf(state),
      lastActiveTs,
      statusMsg ?? null,
    ]),
    `(user_nid) DO UPDATE SET position = excluded.position, state = excluded.state,
      last_active_ts = excluded.last_active_ts, status_msg = excluded.status_msg`,
  );
}

function revive(row: Row): StoredPresence {
  return {
    userNid: row.user_nid,
    position: row.position,
    state: states[row.state] ?? 'offline',
    lastActiveTs: row.last_active_ts,
    statusMsg: row.status_msg ?? undefined,
  };
}
