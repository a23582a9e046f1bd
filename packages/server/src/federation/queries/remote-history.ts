import * as federation from '@myelin/protocol/api/federation';

import type { Database, Interner } from '../../platform/database/index.ts';
import { serversOfRoom, type RoomIdentity, type Rooms, type StoredEvent } from '../../rooms/index.ts';
import { firstAnswer, queryBounds, type QueryNeeds } from './asking.ts';

export interface RemoteHistoryNeeds extends QueryNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Pick<Rooms, 'events' | 'receiving' | 'partial'>;
}

/** With the event come some before it: who jumps there reads on from there. */
const eventsBroughtIn = 20;

/** What other servers know of the past of rooms that this one is in. */
export class RemoteHistories {
  readonly #needs: RemoteHistoryNeeds;

  constructor(needs: RemoteHistoryNeeds) {
    this.#needs = needs;
  }

  /**
   * The event nearest to a moment, from the first server of the room that tells one; it is part of the room here when this resolves.
   * Those that were known first are asked first: they have the most of the past.
   * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid
   */
  async eventNear(
    room: RoomIdentity,
    { ts, direction }: { readonly ts: number; readonly direction: 'b' | 'f' },
  ): Promise<StoredEvent | undefined> {
    const { rooms, servers } = this.#needs;
    return firstAnswer(this.#needs, await serversOfRoom(this.#needs, room.nid), async (server) => {
      const input = { params: { roomId: room.roomId }, query: { ts, dir: direction } };
      const { event_id: eventId } = await servers.request(server, federation.getEventByTimestamp, input, queryBounds);
      const known = await rooms.events.byId(eventId);
      if (known?.position !== undefined) return known.roomNid === room.nid ? known : undefined;
      await rooms.receiving.backfill(room, { servers: [server], limit: eventsBroughtIn, from: [eventId] });
      const brought = await rooms.events.byId(eventId);
      return brought?.roomNid === room.nid && brought.position !== undefined ? brought : undefined;
    });
  }
}
