import type { EventId } from '@myelin/protocol/identifiers';

import type { Database, Tx } from '../../../platform/database/index.ts';
import { RecentChanges, Stream, StreamSequence, type Notifier } from '../../../platform/streams/index.ts';
import type { Rooms } from '../../../rooms/index.ts';
import { mainTimeline } from '../notifying/thread-of-event.ts';
import { UnreadCache } from './unread-cache.ts';
import {
  lastMark,
  putMark,
  roomsFollowed,
  roomsMarked,
  unreadExceptions,
  unreadFollowed,
  type StoredMark,
  type UnreadRow,
} from './unread.store.ts';

/** Up to where a user has read; https://spec.matrix.org/v1.19/client-server-api/#marking-notifications-as-read */
export interface ReadMark {
  readonly userNid: number;
  readonly roomNid: number;
  /** `main`, or the event id of the thread's root; undefined for all threads at once. */
  readonly threadId: EventId | 'main' | undefined;
  /** The position of the event that was read, in the events stream. */
  readonly upToPosition: number;
}

/** What of a receipt counts; structurally a `Receipt` of the receipts. */
export interface ReceiptForCounts {
  readonly userNid: number;
  readonly roomNid: number;
  readonly threadId?: string | undefined;
  /** The event's position in the events stream; undefined where the event is not known here. */
  readonly eventPlace: number | undefined;
}

/** A read mark that is ready to be written. One of the two must be called, and just once. */
export interface PreparedMark {
  write(tx: Tx): void;
  /** The write that it was to be part of has failed or will not be. */
  abandon(): void;
}

/** What of a room a user has not read, by thread; threads without anything are left out. */
export type UnreadThreads = ReadonlyMap<number, { readonly notifications: number; readonly highlights: number }>;

export interface UnreadNeeds {
  readonly database: Database;
  readonly notifier: Notifier;
  readonly rooms: Rooms;
}

/** More rooms than this are not kept in memory for one question: it is a first sync, and most of them are quiet. */
const keepUpTo = 64;
const nothing: UnreadThreads = new Map();

/** Unread notifications of local users. Reads are exact as of the events stream's "now" when they were asked for. */
export class Unread {
  readonly stream: Stream;
  /** Whose marks moved lately, by position of the stream. */
  readonly recent: RecentChanges;
  readonly cache = new UnreadCache();
  readonly #database: Database;
  readonly #rooms: Rooms;

  constructor(needs: UnreadNeeds, lastPosition: number) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.stream = new Stream('push_counts', new StreamSequence(lastPosition), needs.notifier);
    this.recent = new RecentChanges(lastPosition);
  }

  /** Marks as read; resolves when that is durable. A mark that lies behind an earlier one changes no count. */
  async markRead(mark: ReadMark): Promise<void> {
    const prepared = await this.prepareMark(mark);
    try {
      await this.#database.write((tx) => prepared?.write(tx));
    } catch (error) {
      prepared?.abandon();
      throw error;
    }
  }

  /** The same for those who write it together with something else. Undefined for a thread that is not known here: nothing counts there. */
  async prepareMark({ userNid, roomNid, threadId, upToPosition }: ReadMark): Promise<PreparedMark | undefined> {
    const threadNid = threadId === undefined ? undefined : await this.#threadNid(threadId);
    if (threadId !== undefined && threadNid === undefined) return undefined;
    const slot = this.stream.allocate();
    const mark: StoredMark = { userNid, roomNid, threadNid, upTo: upToPosition, markedAt: slot.position };
    return {
      abandon: () => slot.abandon(),
      write: (tx) => {
        putMark(tx, mark);
        tx.onCommit(() => {
          this.cache.marked(mark);
          this.recent.changed(userNid, slot.position);
        });
        slot.commitWith(tx, { users: [userNid] });
      },
    };
  }

  /** What a receipt, public or private, means for the counts: to be written with it. Other servers' users have none here. */
  async prepareReceipt({ userNid, roomNid, threadId, eventPlace }: ReceiptForCounts): Promise<PreparedMark | undefined> {
    if (eventPlace === undefined) return undefined;
    if (!(await this.#rooms.memberships.localMembers(roomNid)).has(userNid)) return undefined;
    return this.prepareMark({ userNid, roomNid, threadId: threadId as EventId | 'main' | undefined, upToPosition: eventPlace });
  }

  /** A user's unread counts in some rooms, by thread. From memory, or by three queries however many rooms. */
  async of(userNid: number, roomNids: Iterable<number>): Promise<Map<number, UnreadThreads>> {
    const found = new Map<number, UnreadThreads>();
    const missing: number[] = [];
    for (const roomNid of roomNids) {
      const known = this.cache.get(userNid, roomNid);
      if (known) found.set(roomNid, known);
      else missing.push(roomNid);
    }
    if (missing.length === 0) return found;
    for (const [roomNid, threads] of await this.#read(userNid, missing)) found.set(roomNid, threads);
    return found;
  }

  /** The rooms in which a user's marks moved between two positions of the stream; whether or not that changed a count. */
  async markedRooms(userNid: number, since: number, upTo: number): Promise<number[]> {
    return this.recent.mayHaveChanged(userNid, since) ? roomsMarked(this.#database, userNid, since, upTo) : [];
  }

  async #read(userNid: number, roomNids: readonly number[]): Promise<Map<number, UnreadThreads>> {
    const question = { userNid, roomNids, upTo: this.#rooms.stream.now };
    const keep = roomNids.length <= keepUpTo;
    const seen = this.cache.now;
    const [followed, exceptions, following] = await Promise.all([
      unreadFollowed(this.#database, question),
      unreadExceptions(this.#database, question),
      keep ? roomsFollowed(this.#database, question) : new Set<number>(),
    ]);
    const counts = sumByRoom([...followed, ...exceptions]);
    const found = new Map<number, UnreadThreads>();
    for (const roomNid of roomNids) {
      const threads = counts.get(roomNid);
      found.set(roomNid, withoutEmpty(threads));
      // Another room's write holds "now" up, and this room's later events are in memory already: they would be missed there for ever.
      if (!keep || this.#rooms.recent.mayHaveChanged(roomNid, question.upTo)) continue;
      this.cache.put({ userNid, roomNid, follows: following.has(roomNid), threads, upTo: question.upTo }, seen);
    }
    return found;
  }

  async #threadNid(threadId: EventId | 'main'): Promise<number | undefined> {
    return threadId === 'main' ? mainTimeline : (await this.#rooms.events.nidsOf([threadId])).get(threadId);
  }
}

/** Opens the counts over a database whose schema is up to date. */
export async function openUnread(needs: UnreadNeeds): Promise<Unread> {
  return new Unread(needs, await lastMark(needs.database));
}

interface ThreadCounts {
  notifications: number;
  highlights: number;
  last: number;
}

function sumByRoom(rows: readonly UnreadRow[]): Map<number, Map<number, ThreadCounts>> {
  const rooms = new Map<number, Map<number, ThreadCounts>>();
  for (const row of rows) {
    let threads = rooms.get(row.room_nid);
    if (!threads) rooms.set(row.room_nid, (threads = new Map<number, ThreadCounts>()));
    const before = threads.get(row.thread_nid) ?? { notifications: 0, highlights: 0, last: 0 };
    threads.set(row.thread_nid, {
      notifications: before.notifications + row.notifications,
      highlights: before.highlights + row.highlights,
      last: Math.max(before.last, row.last_position),
    });
  }
  return rooms;
}

function withoutEmpty(threads: ReadonlyMap<number, ThreadCounts> | undefined): UnreadThreads {
  if (!threads) return nothing;
  return new Map([...threads].filter(([, { notifications, highlights }]) => notifications > 0 || highlights > 0));
}
