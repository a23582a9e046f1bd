import { migration } from '../platform/database/index.ts';

/** The nodes of all rooms' state trees (`rooms/state`). */
export default migration({
  id: 10,
  name: 'state-tree',
  up: (dialect) => [
    // node_id: the first bytes of a keyed hash of room and body, so nodes that states share stand once.
    `CREATE TABLE state_nodes (
      room_nid ${dialect.integer} NOT NULL,
      node_id ${dialect.blob} NOT NULL,
      body ${dialect.blob} NOT NULL,
      PRIMARY KEY (room_nid, node_id)
    ) ${dialect.withoutRowid}`,

    // One row: the key of that hash.
    `CREATE TABLE state_tree_secret (
      id ${dialect.integer} PRIMARY KEY,
      secret ${dialect.blob} NOT NULL
    )`,
  ],
});
