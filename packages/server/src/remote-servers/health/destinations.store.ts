import type { ServerName } from '@myelin/protocol/identifiers';

import { sql, type Db, type Tx } from '../../platform/database/index.ts';
import type { Health } from './backoff.ts';

interface HealthRow {
  server_name: ServerName;
  last_success_ts: number | null;
  failing_since: number | null;
  retry_interval_ms: number;
  retry_at: number | null;
}

/** What was written down of a server; undefined for one that was never asked. */
export async function readHealth(db: Db, server: ServerName): Promise<Health | undefined> {
  const row = await db.get<HealthRow>(sql`SELECT server_name, last_success_ts, failing_since, retry_interval_ms, retry_at
    FROM destinations WHERE server_name = ${server}`);
  return row && healthOf(row);
}

/** Puts a server's health in the place of what was known before. */
export function putHealth(tx: Tx, server: ServerName, health: Health): void {
  const { lastSuccess = null, failingSince = null, retryInterval, retryAt = null } = health;
  tx.run(sql`INSERT INTO destinations (server_name, last_success_ts, failing_since, retry_interval_ms, retry_at)
    VALUES (${server}, ${lastSuccess}, ${failingSince}, ${retryInterval}, ${retryAt})
    ON CONFLICT (server_name) DO UPDATE SET last_success_ts = excluded.last_success_ts, failing_since = excluded.failing_since,
      retry_interval_ms = excluded.retry_interval_ms, retry_at = excluded.retry_at`);
}

/** Servers by name, for operators: those after `after`, at most `limit`. */
export async function listHealth(
  db: Db,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<(Health & { readonly server: ServerName })[]> {
  const rows = await db.all<HealthRow>(sql`SELECT server_name, last_success_ts, failing_since, retry_interval_ms, retry_at
    FROM destinations WHERE server_name > ${after} ORDER BY server_name LIMIT ${limit}`);
  return rows.map((row) => ({ server: row.server_name, ...healthOf(row) }));
}

/** Of the servers whose pause is over by `now`, those that have waited longest. */
export async function dueDestinations(db: Db, now: number, limit: number): Promise<ServerName[]> {
  const rows = await db.all<{ server_name: ServerName }>(sql`SELECT server_name FROM destinations
    WHERE retry_at IS NOT NULL AND retry_at <= ${now} ORDER BY retry_at LIMIT ${limit}`);
  return rows.map((row) => row.server_name);
}

function healthOf(row: HealthRow): Health {
  return {
    lastSuccess: row.last_success_ts ?? undefined,
    failingSince: row.failing_since ?? undefined,
    retryInterval: row.retry_interval_ms,
    retryAt: row.retry_at ?? undefined,
  };
}
