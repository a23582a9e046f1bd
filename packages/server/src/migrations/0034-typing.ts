import { migration } from '../platform/database/index.ts';

/** Rooms in which somebody was typing when the server ended (`features/typing`): its clients must hear that it is over. */
export default migration({
  id: 34,
  name: 'typing',
  up: (dialect) => [`CREATE TABLE typing_at_stop (room_nid ${dialect.bigKey})`],
});
