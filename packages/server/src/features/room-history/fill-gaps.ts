import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import { serversOfRoom, type PaginationToken, type RoomIdentity, type Rooms } from '../../rooms/index.ts';

export interface FillGapsNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly rooms: Pick<Rooms, 'receiving' | 'partial'>;
  readonly serverName: ServerName;
}

/** The stretch of a room's past that somebody reads backwards. */
export interface ReadStretch {
  readonly from: PaginationToken | undefined;
  readonly stoppedAt: PaginationToken | undefined;
  /** Here the reading came to the end of what this server has. */
  readonly atEnd: boolean;
}

const eventsAtOnce = 100;
const gapsLookedAt = 20;
const serversAsked = 5;
/** Somebody waits for the page: what is here is shown by then. */
const membersWaitedForMs = 10_000;
/** After an attempt that brought nothing; doubled with each further one. */
const firstPauseMs = 5_000;
const longestPauseMs = 3_600_000;
const roomsRemembered = 5_000;

/** Fetches what is missing of rooms' pasts as people come to read there. */
export class FillGaps {
  readonly #needs: FillGapsNeeds;
  readonly #underWay = new Map<number, Promise<boolean>>();
  /** Rooms of which nobody had anything lately; insertion order is age. */
  readonly #fruitless = new Map<number, { readonly attempts: number; readonly untilMs: number }>();

  constructor(needs: FillGapsNeeds) {
    this.#needs = needs;
  }

  /**
   * Asks other servers for what lies in the gaps of a stretch. True where events have come in, so that the stretch is worth reading again.
   * https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
   */
  async fill(room: RoomIdentity, stretch: ReadStretch): Promise<boolean> {
    const gaps = await this.#needs.rooms.receiving.gaps(room, gapsLookedAt);
    if (!gaps.some(({ depth }) => liesIn(stretch, depth))) return false;
    const underWay = this.#underWay.get(room.nid) ?? this.#ask(room).finally(() => this.#underWay.delete(room.nid));
    this.#underWay.set(room.nid, underWay);
    return underWay;
  }

  async #ask(room: RoomIdentity): Promise<boolean> {
    const { clock, rooms } = this.#needs;
    const before = this.#fruitless.get(room.nid);
    if (before && before.untilMs > clock.monotonic()) return false;
    // The state at an event of the past is told from all that is known of the room.
    if (!(await rooms.partial.whenComplete(room.nid, membersWaitedForMs))) return false;
    this.#fruitless.delete(room.nid);
    const servers = await this.#serversOf(room);
    if (servers.length > 0 && (await rooms.receiving.backfill(room, { servers, limit: eventsAtOnce })) > 0) return true;
    const attempts = (before?.attempts ?? 0) + 1;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempts - 1));
    this.#fruitless.set(room.nid, { attempts, untilMs: clock.monotonic() + pauseMs });
    if (this.#fruitless.size > roomsRemembered) {
      const [oldest] = this.#fruitless.keys();
      if (oldest !== undefined) this.#fruitless.delete(oldest);
    }
    return false;
  }

  /** Those that were known first have the most of the past. */
  async #serversOf(room: RoomIdentity): Promise<ServerName[]> {
    const servers = await serversOfRoom(this.#needs, room.nid);
    return servers.filter((server) => server !== this.#needs.serverName).slice(0, serversAsked);
  }
}

/** Whether what lies behind an event of that depth belongs into the stretch. */
function liesIn({ from, stoppedAt, atEnd }: ReadStretch, depth: number): boolean {
  // Gaps above its beginning had their turn when that was read.
  if (from?.order === 'topological' && depth > from.depth) return false;
  if (atEnd || stoppedAt?.order !== 'topological') return true;
  return depth > stoppedAt.depth;
}
