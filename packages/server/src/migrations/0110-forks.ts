import { migration } from '../platform/database/index.ts';

/** What a room needs that other servers write to as well: forks, gaps, and history from before we joined. */
export default migration({
  id: 110,
  name: 'forks',
  up: (dialect) => [
    // Which state events name which other among their auth events, the create event left out, which all of them rest on. An auth event's
    // number is always smaller than that of the event that names it. See docs/decisions/auth-chains-are-walked-both-ways.md.
    `CREATE TABLE auth_edges (
      auth_nid ${dialect.integer} NOT NULL,
      event_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (auth_nid, event_nid)
    )${dialect.withoutRowid}`,

    // Gaps: events that an event with a place follows and that have no place themselves.
    `CREATE TABLE backward_extremities (
      room_nid ${dialect.integer} NOT NULL,
      event_id ${dialect.blob} NOT NULL,
      child_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (room_nid, event_id, child_nid)
    )${dialect.withoutRowid}`,

    // Memberships that reached us without their room: invitations, and what became of them. Nothing but memberships refers to them.
    `CREATE TABLE out_of_band_events (
      event_nid ${dialect.bigKey}
    )`,

    // Events from before we joined stand at negative positions, which are handed out downwards.
    `CREATE INDEX events_backfilled ON events (position) WHERE position < 0`,
  ],
});
