import { migration } from '../platform/database/index.ts';

/** The local aliases of rooms, and the rooms of the published directory (`features/room-directory`). */
export default migration({
  id: 80,
  name: 'room-directory',
  up: (dialect) => [
    `CREATE TABLE room_aliases (
      alias ${dialect.text} PRIMARY KEY,
      room_nid ${dialect.integer} NOT NULL,
      creator_nid ${dialect.integer} NOT NULL
    )${dialect.withoutRowid}`,
    `CREATE INDEX room_aliases_by_room ON room_aliases (room_nid)`,

    // What the directory shows of each published room, kept as the room changes. search_text is name, topic and alias in the form in
    // which they are compared. Only an enterable room is shown: one that strangers may join, ask to join, or read.
    `CREATE TABLE published_rooms (
      room_nid ${dialect.bigKey},
      enterable ${dialect.integer} NOT NULL,
      joined_members ${dialect.integer} NOT NULL,
      name ${dialect.text},
      topic ${dialect.text},
      canonical_alias ${dialect.text},
      avatar_url ${dialect.text},
      join_rule ${dialect.text} NOT NULL,
      room_type ${dialect.text},
      world_readable ${dialect.integer} NOT NULL,
      guest_can_join ${dialect.integer} NOT NULL,
      search_text ${dialect.text} NOT NULL
    )`,
    // The directory's order, backwards.
    `CREATE INDEX published_rooms_by_size ON published_rooms (joined_members, room_nid) WHERE enterable = 1`,
  ],
});
