import type { JsonObject } from '@myelin/protocol/events';

import { sql, type Db, type Tx } from '../../platform/database/index.ts';
import type { Profile } from './profile.ts';

/** A local user's profile; undefined for somebody who never had one. */
export async function readProfile(db: Db, userNid: number): Promise<Profile | undefined> {
  const row = await db.get<{ displayname: string | null; avatar_url: string | null; fields: string }>(
    sql`SELECT displayname, avatar_url, fields FROM profiles WHERE user_nid = ${userNid}`,
  );
  return (
    row && {
      displayname: row.displayname ?? undefined,
      avatarUrl: row.avatar_url ?? undefined,
      fields: JSON.parse(row.fields) as JsonObject,
    }
  );
}

/** Puts a profile in the place of the one before it. */
export function putProfile(tx: Tx, userNid: number, { displayname, avatarUrl, fields }: Profile): void {
  tx.run(sql`INSERT INTO profiles (user_nid, displayname, avatar_url, fields)
    VALUES (${userNid}, ${displayname ?? null}, ${avatarUrl ?? null}, ${JSON.stringify(fields)})
    ON CONFLICT (user_nid) DO UPDATE SET displayname = excluded.displayname, avatar_url = excluded.avatar_url,
      fields = excluded.fields`);
}

/** Takes a profile away, and with it what was still to be told of it. */
export function deleteProfile(tx: Tx, userNid: number): void {
  tx.run(sql`DELETE FROM profiles WHERE user_nid = ${userNid}`);
  tx.run(sql`DELETE FROM profile_propagations WHERE user_nid = ${userNid}`);
}

/** Notes that the user's rooms are to be told. */
export function putPropagation(tx: Tx, userNid: number): void {
  tx.run(sql`INSERT INTO profile_propagations (user_nid, version) VALUES (${userNid}, 1)
    ON CONFLICT (user_nid) DO UPDATE SET version = profile_propagations.version + 1`);
}

/** Which change of a user's profile waits to be told; undefined where all rooms know. */
export async function propagationVersion(db: Db, userNid: number): Promise<number | undefined> {
  const row = await db.get<{ version: number }>(sql`SELECT version FROM profile_propagations WHERE user_nid = ${userNid}`);
  return row?.version;
}

/** Users whose rooms are still to be told. */
export async function pendingPropagations(db: Db): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(sql`SELECT user_nid FROM profile_propagations`);
  return rows.map((row) => row.user_nid);
}

/** Notes that all rooms know of the change; one that came since still waits. */
export function finishPropagation(tx: Tx, userNid: number, version: number): void {
  tx.run(sql`DELETE FROM profile_propagations WHERE user_nid = ${userNid} AND version = ${version}`);
}
