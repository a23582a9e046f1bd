import { RecentChanges } from '../../../platform/streams/index.ts';
import type { EventEffect } from '../notifying/event-effect.ts';
import type { Outcome } from '../notifying/outcome.ts';

interface ThreadCounts {
  notifications: number;
  highlights: number;
  /** The last event that counts here. */
  last: number;
}

interface Entry {
  /** Whether the user follows the room's notifying events. */
  follows: boolean;
  /** What is in the counts already. */
  upTo: number;
  readonly threads: Map<number, ThreadCounts>;
}

/** A user's counts in a room as read from the database. */
export interface ReadCounts {
  readonly userNid: number;
  readonly roomNid: number;
  readonly follows: boolean;
  readonly threads: ReadonlyMap<number, Readonly<ThreadCounts>> | undefined;
  readonly upTo: number;
}

const entriesInMemory = 100_000;

/**
 * Counts of users who look at them often, kept up to date by the events and marks as they are committed, so that five hundred people
 * who poll one room ask the database for nothing. What is not here is read from there.
 */
export class UnreadCache {
  /** By room, then by user; insertion order is order of coming. */
  readonly #rooms = new Map<number, Map<number, Entry>>();
  readonly #recent = new RecentChanges(0);
  #entries = 0;
  #now = 0;

  /** Note it before a read, and hand it to `put`. */
  get now(): number {
    return this.#now;
  }

  /** The counts by thread, those without any left out; undefined where they are not known. */
  get(userNid: number, roomNid: number): Map<number, Readonly<ThreadCounts>> | undefined {
    const entry = this.#rooms.get(roomNid)?.get(userNid);
    return entry && new Map([...entry.threads].filter(([, counts]) => counts.notifications > 0 || counts.highlights > 0));
  }

  /** Keeps what was read, unless something happened in the room since the read began. */
  put({ userNid, roomNid, follows, threads, upTo }: ReadCounts, since: number): void {
    if (this.#recent.mayHaveChanged(roomNid, since)) return;
    let room = this.#rooms.get(roomNid);
    if (!room) this.#rooms.set(roomNid, (room = new Map<number, Entry>()));
    if (!room.has(userNid)) this.#entries += 1;
    room.set(userNid, { follows, upTo, threads: new Map(Array.from(threads ?? [], ([nid, counts]) => [nid, { ...counts }])) });
    while (this.#entries > entriesInMemory) {
      const oldest = this.#rooms.keys().next().value;
      if (oldest === undefined) return;
      this.#forget(oldest);
    }
  }

  /** Events of a room are committed; in their order. */
  applied(roomNid: number, effects: readonly EventEffect[]): void {
    this.#changed(roomNid);
    const room = this.#rooms.get(roomNid);
    if (!room) return;
    for (const effect of effects) applyEffect(room, effect);
  }

  /** A mark is committed: all threads are read up to there, or one of them. */
  marked({
    userNid,
    roomNid,
    threadNid,
    upTo,
  }: {
    readonly userNid: number;
    readonly roomNid: number;
    readonly threadNid: number | undefined;
    readonly upTo: number;
  }): void {
    this.#changed(roomNid);
    const entry = this.#rooms.get(roomNid)?.get(userNid);
    if (!entry) return;
    for (const [thread, counts] of entry.threads) {
      if (threadNid !== undefined && thread !== threadNid) continue;
      if (counts.last > upTo) {
        // A part of it stays unread; which part, the database knows.
        this.drop(userNid, roomNid);
        return;
      }
      entry.threads.delete(thread);
    }
  }

  /** Forgets one user's counts of a room. */
  drop(userNid: number, roomNid: number): void {
    this.#changed(roomNid);
    if (this.#rooms.get(roomNid)?.delete(userNid)) this.#entries -= 1;
  }

  /** Forgets what is known of a room. */
  dropRoom(roomNid: number): void {
    this.#changed(roomNid);
    this.#forget(roomNid);
  }

  #forget(roomNid: number): void {
    this.#entries -= this.#rooms.get(roomNid)?.size ?? 0;
    this.#rooms.delete(roomNid);
  }

  #changed(roomNid: number): void {
    this.#now += 1;
    this.#recent.changed(roomNid, this.#now);
  }
}

function applyEffect(room: ReadonlyMap<number, Entry>, effect: EventEffect): void {
  if (effect.ordinary.notifications === 0) {
    for (const [userNid, outcome] of effect.others) add(room.get(userNid), effect, outcome);
  } else {
    for (const [userNid, entry] of room) {
      // Whoever sends is not notified, and has read the thread: see below.
      if (userNid === effect.senderNid) continue;
      const outcome = effect.others.get(userNid);
      if (outcome) add(entry, effect, outcome);
      else if (entry.follows) add(entry, effect, effect.ordinary);
      else entry.upTo = Math.max(entry.upTo, effect.position);
    }
  }
  for (const { userNid, followsFrom } of effect.followings) {
    const entry = room.get(userNid);
    if (entry) entry.follows = followsFrom !== undefined;
  }
  if (effect.hasReadThread) room.get(effect.senderNid)?.threads.delete(effect.threadNid);
}

function add(entry: Entry | undefined, { position, threadNid }: EventEffect, outcome: Outcome): void {
  if (!entry || entry.upTo >= position) return;
  entry.upTo = position;
  if (outcome.notifications === 0) return;
  const counts = entry.threads.get(threadNid);
  if (counts) {
    counts.notifications += outcome.notifications;
    counts.highlights += outcome.highlights;
    counts.last = position;
  } else {
    entry.threads.set(threadNid, { notifications: outcome.notifications, highlights: outcome.highlights, last: position });
  }
}
