import { sql, type Database } from '../../platform/database/index.ts';
import type { EventStore } from '../events/event-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { PaginationToken } from './pagination-token.ts';

/** Backwards or forwards in time, as clients write it. */
export type Direction = 'b' | 'f';

interface Place {
  event_nid: number;
  depth: number;
  position: number;
}

/** The place right after an event. */
export function tokenAfter(event: StoredEvent): PaginationToken {
  return { order: 'topological', depth: event.depth, position: event.position ?? 0 };
}

/** The place right before an event. */
export function tokenBefore(event: StoredEvent): PaginationToken {
  return { order: 'topological', depth: event.depth, position: (event.position ?? 0) - 1 };
}

/**
 * The accepted events of a room in order. Sync reads them as they came in; pagination reads them by depth, so that what arrived late
 * stands where it belongs.
 */
export class Timeline {
  readonly #database: Database;
  readonly #events: EventStore;

  constructor(needs: { database: Database; events: EventStore }) {
    this.#database = needs.database;
    this.#events = needs.events;
  }

  /** The last events in (`after`, `upTo`] of the events stream, oldest first, at most `limit`. */
  async latest(roomNid: number, range: { after: number; upTo: number; limit: number }): Promise<StoredEvent[]> {
    const rows = await this.#database.all<{ event_nid: number }>(
      sql`SELECT event_nid FROM events WHERE room_nid = ${roomNid} AND position > ${range.after} AND position <= ${range.upTo}
          AND verdict = 0 ORDER BY position DESC LIMIT ${range.limit}`,
    );
    return this.#events.listByNids(rows.map((row) => row.event_nid).reverse());
  }

  /** The last event at or before a position, rejected ones not counted: its `currentRoot` was the room's state then. */
  async lastUpTo(roomNid: number, position: number): Promise<StoredEvent | undefined> {
    const row = await this.#database.get<{ event_nid: number }>(
      sql`SELECT event_nid FROM events WHERE room_nid = ${roomNid} AND position <= ${position} AND verdict <> 2
          ORDER BY position DESC LIMIT 1`,
    );
    return row && this.#events.byNid(row.event_nid);
  }

  /**
   * Where the last event in (`after`, `upTo`] of the events stream stands that follows one which is not here: what lies between is a gap.
   * Undefined where there is none.
   */
  async lastGap(roomNid: number, range: { after: number; upTo: number }): Promise<number | undefined> {
    const row = await this.#database.get<{ position: number | null }>(
      sql`SELECT MAX(e.position) AS position FROM backward_extremities b JOIN events e ON e.event_nid = b.child_nid
          WHERE b.room_nid = ${roomNid} AND e.position > ${range.after} AND e.position <= ${range.upTo}`,
    );
    return row?.position ?? undefined;
  }

  /** Where the room's last event stands in the events stream; 0 where it has none. */
  async latestPosition(roomNid: number): Promise<number> {
    const row = await this.#database.get<{ position: number | null }>(
      sql`SELECT MAX(position) AS position FROM events WHERE room_nid = ${roomNid} AND position IS NOT NULL`,
    );
    return row?.position ?? 0;
  }

  /**
   * Up to `limit` events from a place on, in the direction's order. `to` is a place that is not passed. Without `from` it starts at
   * the direction's far end: backwards at the newest.
   */
  async page(
    roomNid: number,
    wanted: { from?: PaginationToken | undefined; to?: PaginationToken | undefined; direction: Direction; limit: number },
  ): Promise<StoredEvent[]> {
    const places = await (wanted.direction === 'b' ? this.#pageBack(roomNid, wanted) : this.#pageForward(roomNid, wanted));
    return this.#events.listByNids(places.map((place) => place.event_nid));
  }

  #pageBack(roomNid: number, { from, to, limit }: PageBounds): Promise<Place[]> {
    const upper = bound(from, largest);
    const lower = bound(to, smallest);
    return this.#database.all<Place>(
      sql`SELECT event_nid, depth, position FROM events WHERE room_nid = ${roomNid} AND verdict = 0 AND position IS NOT NULL
          AND (depth, position) <= (${upper.depth}, ${upper.position}) AND (depth, position) > (${lower.depth}, ${lower.position})
          AND position <= ${upper.stream} AND position > ${lower.stream}
          ORDER BY depth DESC, position DESC LIMIT ${limit}`,
    );
  }

  #pageForward(roomNid: number, { from, to, limit }: PageBounds): Promise<Place[]> {
    const lower = bound(from, smallest);
    const upper = bound(to, largest);
    return this.#database.all<Place>(
      sql`SELECT event_nid, depth, position FROM events WHERE room_nid = ${roomNid} AND verdict = 0 AND position IS NOT NULL
          AND (depth, position) > (${lower.depth}, ${lower.position}) AND (depth, position) <= (${upper.depth}, ${upper.position})
          AND position > ${lower.stream} AND position <= ${upper.stream}
          ORDER BY depth, position LIMIT ${limit}`,
    );
  }
}

interface PageBounds {
  readonly from?: PaginationToken | undefined;
  readonly to?: PaginationToken | undefined;
  readonly limit: number;
}

interface Bound {
  readonly depth: number;
  readonly position: number;
  readonly stream: number;
}

const largest: Bound = { depth: Number.MAX_SAFE_INTEGER, position: Number.MAX_SAFE_INTEGER, stream: Number.MAX_SAFE_INTEGER };
const smallest: Bound = { depth: -1, position: Number.MIN_SAFE_INTEGER, stream: Number.MIN_SAFE_INTEGER };

/** A token bounds either the topological place or the position in the stream; the other bound stays `open`. */
function bound(token: PaginationToken | undefined, open: Bound): Bound {
  if (!token) return open;
  if (token.order === 'stream') return { ...open, stream: token.position };
  return { ...open, depth: token.depth, position: token.position };
}
