import { migration } from '../platform/database/index.ts';

/**
 * The room engine's tables. Names of types, users and state keys are interned (`names`); an event's row holds what is searched, its JSON
 * stands apart in `event_json`.
 */
export default migration({
  id: 11,
  name: 'rooms',
  up: (dialect) => [
    `CREATE TABLE rooms (
      room_nid ${dialect.integer} PRIMARY KEY,
      room_id ${dialect.text} NOT NULL UNIQUE,
      version ${dialect.text} NOT NULL
    )`,

    // One row for each room that has a current state here. `root` is null for an empty state.
    `CREATE TABLE room_state (
      room_nid ${dialect.integer} PRIMARY KEY,
      root ${dialect.blob}
    )`,

    // Verdict: 0 accepted, 1 soft-failed, 2 rejected; the reason stands in event_verdicts. An outlier has no position and no depth order.
    // state_root is the state after the event; room_root the room's current state after it, where that is another one (forks).
    `CREATE TABLE events (
      event_nid ${dialect.bigKey},
      room_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer},
      depth ${dialect.integer} NOT NULL,
      type_nid ${dialect.integer} NOT NULL,
      sender_nid ${dialect.integer} NOT NULL,
      state_key_nid ${dialect.integer},
      origin_server_ts ${dialect.integer} NOT NULL,
      verdict ${dialect.integer} NOT NULL,
      event_id ${dialect.blob} NOT NULL,
      state_root ${dialect.blob},
      room_root ${dialect.blob},
      replaces_nid ${dialect.integer},
      redacted_by_nid ${dialect.integer}
    )`,
    `CREATE UNIQUE INDEX events_by_id ON events (event_id)`,
    `CREATE UNIQUE INDEX events_by_position ON events (room_nid, position) WHERE position IS NOT NULL`,
    `CREATE INDEX events_by_depth ON events (room_nid, depth, position) WHERE position IS NOT NULL`,

    `CREATE TABLE event_json (
      event_nid ${dialect.bigKey},
      content ${dialect.text} NOT NULL,
      envelope ${dialect.blob} NOT NULL
    )`,

    `CREATE TABLE event_verdicts (
      event_nid ${dialect.bigKey},
      reason ${dialect.text} NOT NULL
    )`,

    // The events that nothing follows yet: the next event's prev_events.
    `CREATE TABLE forward_extremities (
      room_nid ${dialect.integer} NOT NULL,
      event_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, event_nid)
    )${dialect.withoutRowid}`,

    // A redaction that came before, or is not yet allowed to touch, what it redacts.
    `CREATE TABLE redactions (
      redaction_nid ${dialect.bigKey},
      room_nid ${dialect.integer} NOT NULL,
      redacts ${dialect.blob} NOT NULL
    )`,
    `CREATE INDEX redactions_by_target ON redactions (redacts)`,

    // Who is in which room by the current state. 0 leave, 1 join, 2 invite, 3 knock, 4 ban.
    // position is the events stream's when the membership came about; server_nid the interned name of the user's server.
    `CREATE TABLE memberships (
      user_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      membership ${dialect.integer} NOT NULL,
      event_nid ${dialect.integer} NOT NULL,
      sender_nid ${dialect.integer} NOT NULL,
      server_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      forgotten ${dialect.integer} NOT NULL,
      PRIMARY KEY (user_nid, room_nid)
    )${dialect.withoutRowid}`,
    `CREATE INDEX memberships_by_room ON memberships (room_nid, membership, server_nid, user_nid)`,

    // Each change of a local user's membership, for sync: what was it at this token, what became of it since.
    `CREATE TABLE local_membership_changes (
      user_nid ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      membership ${dialect.integer} NOT NULL,
      previous ${dialect.integer} NOT NULL,
      event_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (user_nid, position, room_nid)
    )${dialect.withoutRowid}`,

    `CREATE INDEX local_membership_changes_by_room ON local_membership_changes (user_nid, room_nid, position)`,

    // Which event answered which transaction; scope is the beginning of a hash of user, device, path and transaction id.
    `CREATE TABLE sent_transactions (
      event_nid ${dialect.bigKey},
      scope ${dialect.blob} NOT NULL,
      device_id ${dialect.text} NOT NULL,
      txn_id ${dialect.text} NOT NULL,
      sent_ts ${dialect.integer} NOT NULL
    )`,
    `CREATE UNIQUE INDEX sent_transactions_by_scope ON sent_transactions (scope)`,

    // What a client that is not in the room may know of it: the stripped state that came with an invite or a knock.
    `CREATE TABLE stripped_states (
      user_nid ${dialect.integer} NOT NULL,
      room_nid ${dialect.integer} NOT NULL,
      events ${dialect.text} NOT NULL,
      PRIMARY KEY (user_nid, room_nid)
    )${dialect.withoutRowid}`,
  ],
});
