import { bareIds } from '@myelin/protocol/events';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock, Scheduled } from '../../platform/clock.ts';
import { LaneBrokenError, type Database, type Interner } from '../../platform/database/index.ts';
import { letOthersRun } from '../../platform/let-others-run.ts';
import type { Logger } from '../../platform/observability/index.ts';
import { referencesFirst, type Received, type Receiving, type RoomIdentity, type Rooms } from '../../rooms/index.ts';
import { abandon, oldestInInbox, putAttempts, takeFromInbox, type InboxEntry } from './pdu-inbox.store.ts';

export interface LaneNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rooms: Pick<Rooms, 'ids'>;
  readonly receiving: Pick<Receiving, 'place'>;
  /** Called when an entry has left the inbox, taken in or given up. */
  readonly onLeft: (entry: InboxEntry) => void;
}

/** One room's events on their way in. */
interface Lane {
  readonly roomNid: number;
  /** The oldest of what waits, as far as memory holds it. */
  items: InboxEntry[];
  /** Memory holds all that waits. */
  whole: boolean;
  /** Entries that were tried in vain, by their id, until their next attempt. */
  readonly resting: Map<number, Scheduled>;
  /** Entries that the room has been given, by their ids, until they have left the inbox or rest. */
  readonly given: Set<number>;
  /** For each event that has its place and is not on disk yet, in order: ends when it is, or never will be. Never rejects. */
  readonly unwritten: Promise<void>[];
  /** Ends when the entries of the last turn but one have left the inbox. Never rejects. */
  written: Promise<void>;
  state: 'idle' | 'ready' | 'running' | 'slow';
}

/** An entry that has its place in the room's memory, or has failed to get one. */
interface Placed {
  readonly entry: InboxEntry;
  readonly received: Promise<Received>;
}

const roomsAtOnce = 32;
const slowRoomsAtOnce = 500;
/** A room that takes longer than this over its turn gives its place to another, and goes on beside it. */
const slowAfterMs = 2000;
const graceMs = 3000;
const eventsInATurn = 50;
const eventsRead = 100;
/**
 * So many events of all rooms together are on their way to the disk at once: enough to keep it at work. Whatever else the server writes
 * waits behind them, and who reads waits for those that came before.
 */
const unwrittenAtOnce = 32;
/** And so many of each room, however many rooms have something to write. */
const unwrittenOfEachRoom = 4;
const itemsInMemory = 10_000;
const mostAttempts = 6;
const firstRestMs = 1000;
const longestRestMs = 5 * 60_000;

/**
 * Brings events from the inbox into their rooms: the events of a room one after another, what they follow first and else in the order in
 * which they came, each as soon as the one before has its place in memory, while the disk is still busy with those before; rooms side by
 * side, an event of each in turn.
 * A room that waits for another server holds up nobody. What fails is tried again later, and given up with a reason in the end. An
 * entry is deleted once its room has it on disk, so that a crash at worst shows a room what it knows.
 */
export class RoomLanes {
  readonly #needs: LaneNeeds;
  readonly #lanes = new Map<number, Lane>();
  readonly #ready: Lane[] = [];
  readonly #running = new Set<Promise<void>>();
  #active = 0;
  #slow = 0;
  #inMemory = 0;
  #stopped = false;

  constructor(needs: LaneNeeds) {
    this.#needs = needs;
  }

  /** Rooms in which something is under way or waits. */
  get rooms(): number {
    return this.#lanes.size;
  }

  /** Takes note of entries that have just been stored, in the order in which they came. */
  accept(roomNid: number, entries: readonly InboxEntry[]): void {
    const known = this.#lanes.get(roomNid);
    const lane = known ?? this.#open(roomNid, true);
    if (lane.whole && this.#inMemory + entries.length <= itemsInMemory) {
      lane.items.push(...entries);
      this.#inMemory += entries.length;
      putInOrder(lane);
    } else lane.whole = false;
    this.#makeReady(lane);
  }

  /** Looks into the inbox for what was left there. */
  resume(roomNids: Iterable<number>): void {
    for (const roomNid of roomNids) this.#makeReady(this.#lanes.get(roomNid) ?? this.#open(roomNid, false));
  }

  /** Begins nothing more, and waits a little for what is under way; what waits stays in the inbox. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { resting } of this.#lanes.values()) for (const rest of resting.values()) rest.cancel();
    // Who waits for another server by then is not waited for: the event is worked on again after the next start.
    const cutOff = new AbortController();
    await Promise.race([this.#whenQuiet(), this.#needs.clock.sleep(graceMs, cutOff.signal)]);
    cutOff.abort();
  }

  async #whenQuiet(): Promise<void> {
    await Promise.all(this.#running);
    await Promise.all([...this.#lanes.values()].map(({ written }) => written));
  }

  #open(roomNid: number, whole: boolean): Lane {
    const lane: Lane = {
      roomNid,
      items: [],
      whole,
      resting: new Map(),
      given: new Set(),
      unwritten: [],
      written: Promise.resolve(),
      state: 'idle',
    };
    this.#lanes.set(roomNid, lane);
    return lane;
  }

  #makeReady(lane: Lane): void {
    if (lane.state !== 'idle' || this.#stopped) return;
    lane.state = 'ready';
    this.#ready.push(lane);
    this.#fill();
  }

  #fill(): void {
    while (this.#active < roomsAtOnce && !this.#stopped) {
      const lane = this.#ready.shift();
      if (!lane) return;
      const turn = this.#takeTurn(lane).finally(() => this.#running.delete(turn));
      this.#running.add(turn);
    }
  }

  async #takeTurn(lane: Lane): Promise<void> {
    lane.state = 'running';
    this.#active += 1;
    const slow = this.#needs.clock.schedule(slowAfterMs, () => {
      if (this.#slow >= slowRoomsAtOnce) return;
      lane.state = 'slow';
      this.#slow += 1;
      this.#active -= 1;
      this.#fill();
    });
    let more = true;
    try {
      more = await this.#work(lane);
    } catch (error) {
      this.#tryLater(lane, error);
      more = false;
    }
    slow.cancel();
    if (this.#isSlow(lane)) this.#slow -= 1;
    else this.#active -= 1;
    lane.state = 'idle';
    if (more || lane.items.length > 0) this.#makeReady(lane);
    else this.#closeIfEmpty(lane);
    this.#fill();
  }

  #closeIfEmpty(lane: Lane): void {
    const isEmpty = lane.items.length === 0 && lane.resting.size === 0 && lane.given.size === 0;
    if (lane.state === 'idle' && lane.whole && isEmpty) this.#lanes.delete(lane.roomNid);
  }

  /** The database, most likely: what is not deleted is worked on again. */
  #tryLater(lane: Lane, error: unknown): void {
    this.#needs.logger.error({ err: error, room: lane.roomNid }, 'events that came in wait longer');
    this.#inMemory -= lane.items.length;
    lane.items = [];
    lane.whole = false;
    this.#needs.clock.schedule(firstRestMs, () => this.#makeReady(lane));
  }

  // A function of its own: the compiler does not see that a timer changes the state meanwhile.
  #isSlow(lane: Lane): boolean {
    return lane.state === 'slow';
  }

  /** One turn of a room; whether there may be more. */
  async #work(lane: Lane): Promise<boolean> {
    const room = await this.#needs.rooms.ids.byNid(lane.roomNid);
    const placed: Placed[] = [];
    try {
      while (placed.length < eventsInATurn && !this.#stopped) {
        if (lane.items.length === 0 && !lane.whole) await this.#read(lane);
        const entry = lane.items.shift();
        if (!entry) break;
        this.#inMemory -= 1;
        lane.given.add(entry.id);
        await this.#roomOnItsWayToDisk(lane);
        placed.push(await this.#place(lane, room, entry));
        // An event of this room, then one of each other, then whatever else the server does.
        await letOthersRun();
      }
      // This turn's events are written while the next turn's are placed, and no more than that: the memory is bounded.
      await lane.written;
    } finally {
      if (placed.length > 0) lane.written = this.#settle(lane, room, placed);
    }
    return lane.items.length > 0 || !lane.whole;
  }

  /** Resolves when the next event of the room may be placed. Never rejects: what has failed is seen to when the turn is settled. */
  async #place(lane: Lane, room: RoomIdentity, entry: InboxEntry): Promise<Placed> {
    const received = this.#receive(room, entry);
    await received.then(
      // What fails is looked at in its turn.
      ({ durable }) => void lane.unwritten.push(durable.catch(() => undefined)),
      () => undefined,
    );
    return { entry, received };
  }

  /** A room whose events come faster than they can be written fills no more than its share of the way. */
  async #roomOnItsWayToDisk({ unwritten }: Lane): Promise<void> {
    const share = Math.max(unwrittenOfEachRoom, Math.floor(unwrittenAtOnce / this.#running.size));
    while (unwritten.length >= share) await unwritten.shift();
  }

  async #receive(room: RoomIdentity, { eventId, pdu, originNid }: InboxEntry): Promise<Received> {
    const origin = (await this.#needs.names.textOf(originNid)) as ServerName;
    return this.#needs.receiving.place(room, { eventId, pdu }, { origin });
  }

  /** Takes entries out of the inbox that their room has on disk now, and sees to the others. */
  async #settle(lane: Lane, room: RoomIdentity, placed: readonly Placed[]): Promise<void> {
    const { database, logger, onLeft } = this.#needs;
    const done: InboxEntry[] = [];
    const again: InboxEntry[] = [];
    try {
      for (const { entry, received } of placed) {
        try {
          const { outcome, durable } = await received;
          await durable;
          if (outcome.outcome === 'waiting') await this.#rest(lane, entry, outcome.reason);
          else done.push(entry);
        } catch (error) {
          if (error instanceof LaneBrokenError) {
            // Another write of the room has failed, and nothing is wrong with this one.
            again.push(entry);
            continue;
          }
          const reason = error instanceof Error ? error.message : String(error);
          logger.warn({ err: error, room: room.roomId, event: entry.eventId }, 'an event could not be taken in');
          await this.#rest(lane, entry, reason);
        }
      }
      if (done.length > 0) {
        await database.write((tx) =>
          takeFromInbox(
            tx,
            done.map(({ id }) => id),
          ),
        );
      }
      for (const entry of done) onLeft(entry);
      lane.items.unshift(...again);
      this.#inMemory += again.length;
    } catch (error) {
      this.#tryLater(lane, error);
    }
    for (const { entry } of placed) lane.given.delete(entry.id);
    if (again.length > 0) this.#makeReady(lane);
    this.#closeIfEmpty(lane);
  }

  async #read(lane: Lane): Promise<void> {
    // From here on, what is stored may or may not be among what is read.
    lane.whole = true;
    const limit = eventsRead + lane.resting.size + lane.given.size;
    const entries = await oldestInInbox(this.#needs.database, lane.roomNid, limit);
    const arrived = lane.items;
    const fresh = entries.filter(({ id }) => !lane.resting.has(id) && !lane.given.has(id));
    const known = new Set(fresh.map(({ id }) => id));
    lane.items = [...fresh, ...(entries.length < limit ? arrived.filter(({ id }) => !known.has(id)) : [])];
    this.#inMemory += lane.items.length - arrived.length;
    if (entries.length >= limit) lane.whole = false;
    putInOrder(lane);
  }

  /** Lays an entry aside until its next attempt, or gives it up. */
  async #rest(lane: Lane, before: InboxEntry, reason: string): Promise<void> {
    const { database, clock, logger } = this.#needs;
    const entry = { ...before, attempts: before.attempts + 1 };
    if (entry.attempts >= mostAttempts) {
      await database.write((tx) => abandon(tx, lane.roomNid, entry, reason, clock.now()));
      logger.warn({ event: entry.eventId, reason }, 'an event is given up');
      this.#needs.onLeft(entry);
      return;
    }
    await database.write((tx) => putAttempts(tx, entry.id, entry.attempts));
    const restMs = Math.min(firstRestMs * 4 ** (entry.attempts - 1), longestRestMs);
    const rest = clock.schedule(restMs, () => {
      lane.resting.delete(entry.id);
      lane.items.push(entry);
      this.#inMemory += 1;
      this.#makeReady(lane);
    });
    lane.resting.set(entry.id, rest);
  }
}

/** Servers overtake each other: nobody is asked for an event that waits here itself. Looks at the events of one turn. */
function putInOrder(lane: Lane): void {
  if (lane.items.length < 2) return;
  const some = lane.items.slice(0, eventsInATurn);
  const ordered = referencesFirst(some, ({ pdu }) => [...bareIds(pdu.prev_events), ...bareIds(pdu.auth_events)]);
  // One that came twice stands there once, and behind it the other time.
  const taken = new Set(ordered);
  lane.items.splice(0, some.length, ...ordered, ...some.filter((entry) => !taken.has(entry)));
}
