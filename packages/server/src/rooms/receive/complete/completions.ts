import type { ServerName } from '@myelin/protocol/identifiers';

import type { PartialRoom } from '../../partial/index.ts';
import type { ReceiveTools } from '../receive-tools.ts';
import { completeRoom } from './complete-room.ts';

/** Rooms whose members are fetched at the same time: each is a large answer that is verified and stored. */
const roomsAtOnce = 4;
/** Servers that are asked one after another, before there is a pause. */
const serversInARound = 10;
const firstPauseMs = 1_000;
const longestPauseMs = 5 * 60_000;

/**
 * Fetches the members of the rooms that were entered without them, in the background, for as long as somebody of this server is in the
 * room: from the server through which it was entered, from the others that are there, and again after a pause. After a restart it goes
 * on with what was stored.
 */
export class Completions {
  readonly #tools: ReceiveTools;
  readonly #underWay = new Set<PartialRoom>();
  readonly #queue: (() => void)[] = [];
  #running = 0;
  readonly #stop = new AbortController();

  constructor(tools: ReceiveTools) {
    this.#tools = tools;
  }

  /** Goes on with the rooms that lacked members when the server stopped. */
  resume(): void {
    for (const { roomNid } of this.#tools.partial.all) this.start(roomNid, { isResumed: true });
  }

  /** Begins with a room, unless it lacks nobody or is under way. One that was left and entered anew is another. */
  start(roomNid: number, { isResumed = false }: { readonly isResumed?: boolean } = {}): void {
    const room = this.#tools.partial.of(roomNid);
    if (!room || this.#underWay.has(room) || this.#stop.signal.aborted) return;
    this.#underWay.add(room);
    this.#run(room, isResumed)
      .catch((error: unknown) => {
        this.#tools.logger.error(
          { err: error, room: roomNid },
          "a room's members are not fetched any more before the next start",
        );
      })
      .finally(() => this.#underWay.delete(room));
  }

  /** Begins nothing more; what is under way ends at its next step, or is cut off with the database. */
  stop(): void {
    this.#stop.abort();
    for (const next of this.#queue.splice(0)) next();
  }

  async #run(room: PartialRoom, isResumed: boolean): Promise<void> {
    const { clock, random } = this.#tools;
    let mayBeHere = isResumed;
    for (let round = 0; this.#isPartial(room); round++) {
      if (await this.#tryAll(room, mayBeHere)) return;
      mayBeHere = true;
      const plain = Math.min(longestPauseMs, firstPauseMs * 2 ** round);
      await clock.sleep((plain * random.integer(800, 1_200)) / 1_000, this.#stop.signal);
    }
  }

  /** One round; whether there is nothing more to do. */
  async #tryAll(room: PartialRoom, mayBeHere: boolean): Promise<boolean> {
    const { logger, partial } = this.#tools;
    try {
      if (!(await this.#isWanted(room))) {
        partial.wake(room.roomNid);
        return true;
      }
      for (const [index, server] of this.#serversOf(room).entries()) {
        if (await this.#try(room, server, mayBeHere || index > 0)) return true;
        if (!this.#isPartial(room)) return true;
      }
    } catch (error) {
      // The database, most likely.
      logger.error({ err: error, room: room.roomNid }, "a room's members are fetched later");
    }
    return false;
  }

  #isPartial(room: PartialRoom): boolean {
    return !this.#stop.signal.aborted && this.#tools.partial.of(room.roomNid) === room;
  }

  async #isWanted({ roomNid }: PartialRoom): Promise<boolean> {
    return (await this.#tools.memberships.localMembers(roomNid)).size > 0;
  }

  #serversOf({ origin, servers }: PartialRoom): ServerName[] {
    const others = [...servers].filter((server) => server !== origin);
    const chosen: ServerName[] = [];
    while (chosen.length < serversInARound - 1 && others.length > 0) {
      chosen.push(...others.splice(this.#tools.random.integer(0, others.length), 1));
    }
    return [origin, ...chosen];
  }

  async #try(room: PartialRoom, server: ServerName, mayBeHere: boolean): Promise<boolean> {
    const { rooms, logger, clock } = this.#tools;
    await this.#place();
    try {
      if (this.#stop.signal.aborted) return true;
      const identity = await rooms.byNid(room.roomNid);
      const begin = clock.monotonic();
      const completion = await completeRoom(this.#tools, identity, room, { server, mayBeHere });
      if (completion === 'not given') return false;
      const ms = Math.round(clock.monotonic() - begin);
      if (completion === 'complete') logger.info({ roomId: identity.roomId, server, ms }, 'the members of a room are known now');
      return true;
    } catch (error) {
      logger.warn({ err: error, room: room.roomNid, server }, "a room's members could not be taken over");
      return false;
    } finally {
      this.#leavePlace();
    }
  }

  async #place(): Promise<void> {
    if (this.#running >= roomsAtOnce) await new Promise<void>((resolve) => void this.#queue.push(resolve));
    else this.#running += 1;
  }

  #leavePlace(): void {
    const next = this.#queue.shift();
    // The place goes on to the next.
    if (next) next();
    else this.#running -= 1;
  }
}
