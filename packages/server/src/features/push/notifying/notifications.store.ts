import { sql, type Db, type Tx } from '../../../platform/database/index.ts';
import type { Counted, EventEffect, FollowingChange } from './event-effect.ts';
import { mainTimeline } from './thread-of-event.ts';

/** A local user who became a member of a room, or ceased to be one. */
export interface MemberComing {
  readonly userNid: number;
  readonly roomNid: number;
  /** What comes after this position counts. */
  readonly position: number;
}

/** The interned JSON of a list of actions. */
export type ActionsNid = (actions: EventEffect['ordinary']['actions']) => number;

/** A room's local members whose counting has begun, with the position after which they follow its notifying events. */
export async function followersOf(db: Db, roomNid: number): Promise<Map<number, number | undefined>> {
  const rows = await db.all<{ user_nid: number; follows_from: number | null }>(
    sql`SELECT user_nid, follows_from FROM unread_rooms WHERE room_nid = ${roomNid}`,
  );
  return new Map(rows.map((row) => [row.user_nid, row.follows_from ?? undefined]));
}

/** How many notifying events a thread has had; undefined where it never had any. */
export function countedIn(db: Db, roomNid: number, threadNid: number): Promise<Counted | undefined> {
  return db.get<Counted>(
    sql`SELECT notifications, highlights FROM notifying_events WHERE room_nid = ${roomNid} AND thread_nid = ${threadNid}
        ORDER BY position DESC LIMIT 1`,
  );
}

/** Begins to count for a user who has joined a room. */
export function beginCounting(tx: Tx, { userNid, roomNid, position }: MemberComing): void {
  tx.run(sql`INSERT INTO unread_rooms (user_nid, room_nid, read_position, main_position, follows_from, marked_at)
    VALUES (${userNid}, ${roomNid}, ${position}, 0, ${position}, 0)
    ON CONFLICT (user_nid, room_nid) DO UPDATE SET read_position = excluded.read_position, main_position = excluded.main_position,
      follows_from = excluded.follows_from`);
}

/** Ends it for one who is not joined any more. What notified them stays. */
export function endCounting(tx: Tx, userNid: number, roomNid: number): void {
  tx.run(sql`DELETE FROM unread_rooms WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`);
  tx.run(sql`DELETE FROM unread_spans WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`);
  tx.run(sql`DELETE FROM read_threads WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`);
}

/** Writes what events of one room did for its members' counts. */
export function writeEffects(tx: Tx, roomNid: number, effects: readonly EventEffect[], actionsNid: ActionsNid): void {
  for (const effect of effects) {
    const { threadNid, position, counted, ordinary } = effect;
    if (counted !== undefined) {
      tx.run(sql`INSERT INTO notifying_events (room_nid, thread_nid, position, notifications, highlights, highlight, actions_nid)
        VALUES (${roomNid}, ${threadNid}, ${position}, ${counted.notifications}, ${counted.highlights}, ${ordinary.highlights},
          ${actionsNid(ordinary.actions)})`);
    }
    if (effect.exceptions.length > 0) writeExceptions(tx, roomNid, effect, actionsNid);
    for (const change of effect.followings) writeFollowing(tx, roomNid, change);
  }
  writeThreads(tx, roomNid, effects);
  writeOwnReading(tx, roomNid, effects);
}

const exceptionColumns = [
  'user_nid',
  'room_nid',
  'position',
  'thread_nid',
  'notifications',
  'highlights',
  'unread',
  'actions_nid',
];

function writeExceptions(
  tx: Tx,
  roomNid: number,
  { exceptions, position, threadNid }: EventEffect,
  actionsNid: ActionsNid,
): void {
  tx.insertMany(
    'notified_users',
    exceptionColumns,
    exceptions.map(({ userNid, notifications, highlights, actions }) => [
      userNid,
      roomNid,
      position,
      threadNid,
      notifications,
      highlights,
      1,
      actionsNid(actions),
    ]),
  );
}

function writeFollowing(tx: Tx, roomNid: number, { userNid, followsFrom, ended }: FollowingChange): void {
  tx.run(
    sql`UPDATE unread_rooms SET follows_from = ${followsFrom ?? null} WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`,
  );
  if (ended === undefined || ended.to <= ended.from) return;
  tx.run(sql`INSERT INTO unread_spans (user_nid, room_nid, from_position, to_position)
    VALUES (${userNid}, ${roomNid}, ${ended.from}, ${ended.to})`);
}

function writeThreads(tx: Tx, roomNid: number, effects: readonly EventEffect[]): void {
  for (const { threadNid, position, counted } of effects) {
    if (threadNid === mainTimeline || counted === undefined) continue;
    tx.run(sql`INSERT INTO notifying_threads (room_nid, thread_nid, last_position) VALUES (${roomNid}, ${threadNid}, ${position})
      ON CONFLICT (room_nid, thread_nid) DO UPDATE SET last_position = excluded.last_position`);
  }
}

/** Whoever sends has read the thread up to there; of several events the last says all. */
function writeOwnReading(tx: Tx, roomNid: number, effects: readonly EventEffect[]): void {
  for (const [index, { senderNid: userNid, hasReadThread, threadNid, position }] of effects.entries()) {
    if (!hasReadThread) continue;
    const goesOn = effects.some(
      (later, at) => at > index && later.hasReadThread && later.senderNid === userNid && later.threadNid === threadNid,
    );
    if (!goesOn) markThreadRead(tx, { userNid, roomNid, threadNid, position });
  }
}

/** Moves the mark up to which a user has read a thread, never back. */
export function markThreadRead(
  tx: Tx,
  { userNid, roomNid, threadNid, position }: { userNid: number; roomNid: number; threadNid: number; position: number },
): void {
  if (threadNid === mainTimeline) {
    tx.run(sql`UPDATE unread_rooms SET main_position = ${position}
      WHERE user_nid = ${userNid} AND room_nid = ${roomNid} AND main_position < ${position}`);
    return;
  }
  tx.run(sql`INSERT INTO read_threads (user_nid, room_nid, thread_nid, position) VALUES (${userNid}, ${roomNid}, ${threadNid}, ${position})
    ON CONFLICT (user_nid, room_nid, thread_nid) DO UPDATE SET position = excluded.position WHERE read_threads.position < excluded.position`);
}

/** A redacted event notifies nobody any more. */
export function retractNotification(tx: Tx, event: { roomNid: number; threadNid: number; position: number }): void {
  const { roomNid, threadNid, position } = event;
  tx.run(sql`INSERT INTO retracted_notifications (room_nid, thread_nid, position, highlight)
    SELECT room_nid, thread_nid, position, highlight FROM notifying_events
    WHERE room_nid = ${roomNid} AND thread_nid = ${threadNid} AND position = ${position}
    ON CONFLICT (room_nid, thread_nid, position) DO NOTHING`);
  tx.run(sql`DELETE FROM notified_users WHERE room_nid = ${roomNid} AND position = ${position}`);
}
