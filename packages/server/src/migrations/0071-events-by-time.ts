import { migration } from '../platform/database/index.ts';

/** Finds the event of a room that is nearest to a moment. About 12 bytes an event. */
export default migration({
  id: 71,
  name: 'events by time',
  up: () => [`CREATE INDEX events_by_time ON events (room_nid, origin_server_ts) WHERE position IS NOT NULL`],
});
