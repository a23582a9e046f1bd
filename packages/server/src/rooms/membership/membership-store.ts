import { inList, sql, type Database, type Db, type Tx } from '../../platform/database/index.ts';
import { membershipCode, membershipOfCode, type Membership, type MembershipChange, type UserMembership } from './membership.ts';

interface MembershipRow {
  user_nid: number;
  room_nid: number;
  membership: number;
  event_nid: number;
  sender_nid: number;
  position: number;
  forgotten: number;
}

const joined = membershipCode('join');

/** A local user's membership changes between two positions, oldest first. */
export interface LocalMembershipChange {
  readonly roomNid: number;
  readonly position: number;
  readonly membership: Membership;
  readonly previous: Membership;
  readonly eventNid: number;
}

/** Every room a user is or was in, unless purged. Costs one range of the primary key. */
export async function membershipsOfUser(db: Db, userNid: number): Promise<UserMembership[]> {
  const rows = await db.all<MembershipRow>(
    sql`SELECT user_nid, room_nid, membership, event_nid, sender_nid, position, forgotten FROM memberships WHERE user_nid = ${userNid}`,
  );
  return rows.map(fromRow);
}

/** A user's membership of one room; undefined where there never was any. */
export async function membershipOf(db: Db, userNid: number, roomNid: number): Promise<UserMembership | undefined> {
  const row = await db.get<MembershipRow>(
    sql`SELECT user_nid, room_nid, membership, event_nid, sender_nid, position, forgotten FROM memberships
        WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`,
  );
  return row && fromRow(row);
}

/** Users with one of these memberships in a room, with the events that say so. Linear in their number. */
export async function membersOfRoom(
  db: Db,
  roomNid: number,
  memberships: readonly Membership[],
): Promise<{ userNid: number; membership: Membership; eventNid: number }[]> {
  const rows = await db.all<MembershipRow>(
    sql`SELECT user_nid, membership, event_nid FROM memberships
        WHERE room_nid = ${roomNid} AND membership ${inList(memberships.map(membershipCode))}`,
  );
  return rows.map((row) => ({ userNid: row.user_nid, membership: membershipOfCode(row.membership), eventNid: row.event_nid }));
}

/** Every membership of a room, by user. Linear in their number. */
export async function membershipsOfRoom(db: Db, roomNid: number): Promise<Map<number, Membership>> {
  const rows = await db.all<{ user_nid: number; membership: number }>(
    sql`SELECT user_nid, membership FROM memberships WHERE room_nid = ${roomNid}`,
  );
  return new Map(rows.map((row) => [row.user_nid, membershipOfCode(row.membership)]));
}

/** The same with the events that say so. */
export async function membershipEventsOfRoom(
  db: Db,
  roomNid: number,
): Promise<Map<number, { readonly membership: Membership; readonly eventNid: number }>> {
  const rows = await db.all<{ user_nid: number; membership: number; event_nid: number }>(
    sql`SELECT user_nid, membership, event_nid FROM memberships WHERE room_nid = ${roomNid}`,
  );
  return new Map(rows.map((row) => [row.user_nid, { membership: membershipOfCode(row.membership), eventNid: row.event_nid }]));
}

/** How many have each membership in a room; read from the index alone. */
export async function memberCounts(db: Db, roomNid: number): Promise<Map<Membership, number>> {
  const rows = await db.all<{ membership: number; members: number }>(
    sql`SELECT membership, COUNT(*) AS members FROM memberships WHERE room_nid = ${roomNid} GROUP BY membership`,
  );
  return new Map(rows.map((row) => [membershipOfCode(row.membership), row.members]));
}

/** The joined users of one server in a room. */
export async function joinedUsersOfServer(db: Db, roomNid: number, serverNid: number): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT user_nid FROM memberships WHERE room_nid = ${roomNid} AND membership = ${joined} AND server_nid = ${serverNid}`,
  );
  return rows.map((row) => row.user_nid);
}

/** Whether any user of a server is joined to the room. */
export async function isServerJoined(db: Db, roomNid: number, serverNid: number): Promise<boolean> {
  const row = await db.get(
    sql`SELECT user_nid FROM memberships WHERE room_nid = ${roomNid} AND membership = ${joined} AND server_nid = ${serverNid} LIMIT 1`,
  );
  return row !== undefined;
}

/** The users of a server with one of these memberships in a room now, those who have it longest first. */
export async function usersOfServer(
  db: Db,
  roomNid: number,
  serverNid: number,
  memberships: readonly Membership[],
): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT user_nid FROM memberships WHERE room_nid = ${roomNid} AND membership ${inList(memberships.map(membershipCode))}
        AND server_nid = ${serverNid} ORDER BY position, user_nid`,
  );
  return rows.map((row) => row.user_nid);
}

/** The interned names of the servers with joined users in a room. One step in the index for each server, however many users it has. */
export async function joinedServers(db: Db, roomNid: number): Promise<number[]> {
  const rows = await db.all<{ server_nid: number }>(
    sql`WITH RECURSIVE servers (server_nid) AS (
          SELECT MIN(server_nid) FROM memberships WHERE room_nid = ${roomNid} AND membership = ${joined}
          UNION ALL
          SELECT (SELECT MIN(m.server_nid) FROM memberships m
                  WHERE m.room_nid = ${roomNid} AND m.membership = ${joined} AND m.server_nid > servers.server_nid)
          FROM servers WHERE servers.server_nid IS NOT NULL
        ) SELECT server_nid FROM servers WHERE server_nid IS NOT NULL`,
  );
  return rows.map((row) => row.server_nid);
}

/**
 * The first joined or invited members of a room besides one user, by the age of their membership: what heroes are picked from.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync (`m.heroes`)
 */
export async function firstMembers(
  db: Db,
  roomNid: number,
  besides: number,
  memberships: readonly Membership[],
  limit: number,
): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT user_nid FROM memberships WHERE room_nid = ${roomNid} AND membership ${inList(memberships.map(membershipCode))}
        AND user_nid <> ${besides} ORDER BY position, user_nid LIMIT ${limit}`,
  );
  return rows.map((row) => row.user_nid);
}

/** What became of a local user's memberships after `since`, up to `upTo`, oldest first. */
export async function localMembershipChanges(
  db: Db,
  userNid: number,
  since: number,
  upTo: number,
): Promise<LocalMembershipChange[]> {
  const rows = await db.all<{ position: number; room_nid: number; membership: number; previous: number; event_nid: number }>(
    sql`SELECT position, room_nid, membership, previous, event_nid FROM local_membership_changes
        WHERE user_nid = ${userNid} AND position > ${since} AND position <= ${upTo} ORDER BY position`,
  );
  return rows.map((row) => ({
    roomNid: row.room_nid,
    position: row.position,
    membership: membershipOfCode(row.membership),
    previous: membershipOfCode(row.previous),
    eventNid: row.event_nid,
  }));
}

/** Rooms in which both users are joined. */
export async function sharedRooms(db: Db, one: number, other: number): Promise<number[]> {
  const rows = await db.all<{ room_nid: number }>(
    sql`SELECT a.room_nid FROM memberships a JOIN memberships b ON b.user_nid = ${other} AND b.room_nid = a.room_nid
        WHERE a.user_nid = ${one} AND a.membership = ${joined} AND b.membership = ${joined}`,
  );
  return rows.map((row) => row.room_nid);
}

const membershipColumns = [
  'user_nid',
  'room_nid',
  'membership',
  'event_nid',
  'sender_nid',
  'server_nid',
  'position',
  'forgotten',
];

/** Writes what changed; a new membership is never a forgotten one. */
export function writeMembershipChanges(tx: Tx, changes: readonly MembershipChange[]): void {
  // No two rows of one statement may be the same user's: of several changes the last counts.
  const last = [...new Map(changes.map((change) => [change.userNid, change])).values()];
  tx.insertMany(
    'memberships',
    membershipColumns,
    last.map((change) => [
      change.userNid,
      change.roomNid,
      membershipCode(change.membership),
      change.eventNid,
      change.senderNid,
      change.serverNid,
      change.position,
      0,
    ]),
    `(user_nid, room_nid) DO UPDATE SET membership = excluded.membership, event_nid = excluded.event_nid,
      sender_nid = excluded.sender_nid, server_nid = excluded.server_nid, position = excluded.position, forgotten = 0`,
  );
  for (const change of changes) {
    if (!change.local) continue;
    tx.run(sql`INSERT INTO local_membership_changes (user_nid, position, room_nid, membership, previous, event_nid)
      VALUES (${change.userNid}, ${change.position}, ${change.roomNid}, ${membershipCode(change.membership)},
              ${membershipCode(change.previous)}, ${change.eventNid})`);
  }
}

/** Marks a room that the user has left as forgotten: it shows up nowhere any more. */
export async function forgetMembership(database: Database, userNid: number, roomNid: number): Promise<void> {
  await database.write((tx) => {
    tx.run(sql`UPDATE memberships SET forgotten = 1 WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`);
  });
}

/** The stripped state that came with a user's invite or knock, as JSON text; undefined where there is none. */
export async function strippedStateOf(db: Db, userNid: number, roomNid: number): Promise<string | undefined> {
  const row = await db.get<{ events: string }>(
    sql`SELECT events FROM stripped_states WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`,
  );
  return row?.events;
}

/** Keeps the stripped state that a user may see of a room before joining. `events` is a JSON array as text. */
export function putStrippedState(tx: Tx, userNid: number, roomNid: number, events: string): void {
  tx.run(sql`INSERT INTO stripped_states (user_nid, room_nid, events) VALUES (${userNid}, ${roomNid}, ${events})
    ON CONFLICT (user_nid, room_nid) DO UPDATE SET events = excluded.events`);
}

function fromRow(row: MembershipRow): UserMembership {
  return {
    roomNid: row.room_nid,
    membership: membershipOfCode(row.membership),
    eventNid: row.event_nid,
    senderNid: row.sender_nid,
    position: row.position,
    forgotten: row.forgotten === 1,
  };
}
