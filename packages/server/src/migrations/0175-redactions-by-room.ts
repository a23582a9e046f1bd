import { migration } from '../platform/database/index.ts';

/** The redactions that wait in a room are read when events begin to come into it. */
export default migration({
  id: 175,
  name: 'redactions by room',
  up: () => [`CREATE INDEX redactions_by_room ON redactions (room_nid)`],
});
