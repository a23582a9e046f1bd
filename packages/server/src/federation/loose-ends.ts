import { MatrixError } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

import { sql, type Database, type Interner } from '../platform/database/index.ts';
import type { Logger } from '../platform/observability/index.ts';
import { dummyEventType, localMemberWithPower, type Rooms } from '../rooms/index.ts';

export interface LooseEndsNeeds {
  readonly config: { readonly dummy_events_threshold: number };
  readonly database: Database;
  readonly names: Interner;
  readonly logger: Logger;
  readonly rooms: Rooms;
  readonly serverName: ServerName;
}

/** Rooms that one run looks at; the next run comes soon and goes on behind them. */
const roomsInARun = 50;
/** An event may follow so few others that some rooms need several; each leaves fewer, so a handful is enough for all that are followed. */
const eventsInARoom = 10;

/**
 * Ties together what nothing follows in the histories of rooms, where that is more than `dummy_events_threshold` and somebody of this
 * server may say something there: the more such ends, the more work is every event that comes in. Where nobody may, it is left to
 * other servers. Returns what is to run now and then.
 */
export function tieLooseEnds(needs: LooseEndsNeeds): () => Promise<void> {
  const threshold = needs.config.dummy_events_threshold;
  let after = 0;
  return async () => {
    const frayed = await needs.database.all<{ room_nid: number }>(
      sql`SELECT room_nid FROM forward_extremities WHERE room_nid > ${after} GROUP BY room_nid HAVING COUNT(*) > ${threshold}
          ORDER BY room_nid LIMIT ${roomsInARun}`,
    );
    after = frayed.length < roomsInARun ? 0 : (frayed.at(-1)?.room_nid ?? 0);
    for (const { room_nid: roomNid } of frayed) await tieRoom(needs, roomNid, threshold);
  };
}

async function tieRoom(needs: LooseEndsNeeds, roomNid: number, threshold: number): Promise<void> {
  const { rooms, logger } = needs;
  const room = await rooms.ids.byNid(roomNid);
  const looseEnds = (): Promise<number> => rooms.inTurn(room, ({ head }) => Promise.resolve(head.extremities.length));
  try {
    for (let sent = 0; sent < eventsInARoom && (await looseEnds()) > threshold; sent++) {
      const sender = await localMemberWithPower(needs, room, (levels) => levels.required(dummyEventType, 'message'));
      if (sender === undefined) return;
      await rooms.send(room, [{ type: dummyEventType, sender, content: {} }]);
    }
  } catch (error) {
    // Somebody has lost their power meanwhile, or a hook refuses.
    if (!(error instanceof MatrixError)) throw error;
    logger.debug({ err: error, roomId: room.roomId }, 'loose ends stay as they are');
  }
}
