import { migration } from '../platform/database/index.ts';

/** Which event relates to which, and the threads of each room. */
export default migration({
  id: 70,
  name: 'relations',
  up: (dialect) => [
    // A parent's children in topological order. What is redacted, or breaks the rules of its relationship, is not here.
    `CREATE TABLE relations (
      parent_nid ${dialect.integer} NOT NULL,
      depth ${dialect.integer} NOT NULL,
      position ${dialect.integer} NOT NULL,
      child_nid ${dialect.integer} NOT NULL,
      rel_type_nid ${dialect.integer} NOT NULL,
      type_nid ${dialect.integer} NOT NULL,
      sender_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (parent_nid, depth, position)
    )${dialect.withoutRowid}`,

    // Children whose parent has not come (yet). parent_id is the event id as text.
    `CREATE TABLE relation_orphans (
      parent_id ${dialect.text} NOT NULL,
      child_nid ${dialect.integer} NOT NULL,
      PRIMARY KEY (parent_id, child_nid)
    )${dialect.withoutRowid}`,

    // The place of each thread's latest event, for lists of threads.
    `CREATE TABLE threads (
      root_nid ${dialect.bigKey},
      room_nid ${dialect.integer} NOT NULL,
      latest_depth ${dialect.integer} NOT NULL,
      latest_position ${dialect.integer} NOT NULL
    )`,
    `CREATE INDEX threads_by_latest ON threads (room_nid, latest_depth, latest_position)`,
  ],
});
