import { migration } from '../platform/database/index.ts';

/**
 * Which events notified whom, and up to where each has read (`features/push`; docs/decisions/0004-unread-counts.md).
 * A thread is named by the event_nid of its root; 0 is the main timeline. Positions are the events stream's.
 */
export default migration({
  id: 41,
  name: 'unread-counts',
  up: (dialect) => [
    // Events that notify whoever has ordinary rules. notifications and highlights count from the thread's first event, this one included;
    // highlight tells whether this one is one. actions_nid: the interned JSON of the actions.
    `CREATE TABLE notifying_events (
      room_nid ${dialect.integer} NOT NULL,
      thread_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      notifications ${dialect.integer} NOT NULL,
      highlights ${dialect.integer} NOT NULL,
      highlight ${dialect.integer} NOT NULL,
      actions_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, thread_nid, position)
    )${dialect.withoutRowid}`,

    // The same for those that were redacted since: they notify nobody any more.
    `CREATE TABLE retracted_notifications (
      room_nid ${dialect.integer} NOT NULL,
      thread_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      highlight ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, thread_nid, position)
    )${dialect.withoutRowid}`,

    // The threads that have notifying events, and the last of those.
    `CREATE TABLE notifying_threads (
      room_nid ${dialect.integer} NOT NULL,
      thread_nid ${dialect.integer} NOT NULL,
      last_position ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, thread_nid)
    )${dialect.withoutRowid}`,

    // One row for each local joined member. read_position: up to where all threads are read, at first the join; main_position: up to where
    // the main timeline is. The user is notified by the room's notifying events after follows_from; by none where that is null.
    // marked_at is the push_counts stream's position of the last read marker.
    `CREATE TABLE unread_rooms (
      user_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      read_position ${dialect.integer} NOT NULL,
      main_position ${dialect.integer} NOT NULL,
      follows_from ${dialect.integer},
      marked_at ${dialect.integer} NOT NULL,
      PRIMARY KEY (user_nid, room_nid)
    )${dialect.withoutRowid}`,
    `CREATE INDEX unread_rooms_by_room ON unread_rooms (room_nid)`,
    `CREATE INDEX unread_rooms_by_mark ON unread_rooms (user_nid, marked_at)`,
    `CREATE INDEX unread_rooms_latest_mark ON unread_rooms (marked_at)`,

    // Earlier stretches of events, after from_position and up to to_position, in which the user was notified by the room's notifying events.
    `CREATE TABLE unread_spans (
      user_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      from_position ${dialect.integer} NOT NULL,
      to_position ${dialect.integer} NOT NULL,
      PRIMARY KEY (user_nid, room_nid, from_position)
    )${dialect.withoutRowid}`,

    // Up to where threads are read, where that is further than read_position.
    `CREATE TABLE read_threads (
      user_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      thread_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      PRIMARY KEY (user_nid, room_nid, thread_nid)
    )${dialect.withoutRowid}`,

    // What an event did for one user, where that is not what unread_rooms and notifying_events say: notifications and highlights are the
    // difference (-1, 0 or 1), actions_nid the user's own actions. unread is 0 once a read marker has passed.
    `CREATE TABLE notified_users (
      user_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      thread_nid ${dialect.integer} NOT NULL,
      notifications ${dialect.integer} NOT NULL,
      highlights ${dialect.integer} NOT NULL,
      unread ${dialect.integer} NOT NULL,
      actions_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, position, user_nid)
    )${dialect.withoutRowid}`,
    `CREATE INDEX notified_users_unread ON notified_users (user_nid, room_nid, position) WHERE unread = 1`,
  ],
});
