import { forbidden } from '@myelin/protocol/errors';
import type { RoomId, UserId } from '@myelin/protocol/identifiers';

import type { Clock, Scheduled } from '../../platform/clock.ts';
import { PacedWakes, RecentChanges, StreamSequence, type Notifier } from '../../platform/streams/index.ts';
import type { PersistHook, Rooms, Viewer } from '../../rooms/index.ts';

export interface TypingNeeds {
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly rooms: Rooms;
}

/** A user has begun to type in a room, goes on, or has stopped. */
export interface TypingNews {
  readonly roomNid: number;
  readonly userNid: number;
  readonly userId: UserId;
  readonly typing: boolean;
}

interface TypingRoom {
  readonly users: Map<number, { readonly userId: UserId; until: number }>;
  timer: Scheduled | undefined;
  /** The room's `m.typing` event, once somebody has asked for it. */
  text: string | undefined;
}

/** How long somebody types who does not say. */
export const defaultTimeoutMs = 30_000;
const longestTimeoutMs = 120_000;
/** So many names tell the reader of a large room all that there is to tell. */
const mostNames = 100;
const rememberedRooms = 50_000;

/**
 * Who is typing where, in memory alone. A client that says again that its user types costs nothing but a look: only who begins and who
 * stops is news.
 * https://spec.matrix.org/v1.19/client-server-api/#typing-notifications
 */
export class Typing {
  readonly #needs: TypingNeeds;
  readonly #sequence: StreamSequence;
  readonly #recent: RecentChanges;
  readonly #wakes: PacedWakes;
  readonly #rooms = new Map<number, TypingRoom>();
  /** Rooms in which somebody typed when the server ended last: who has a token from then must hear that it is over. */
  readonly #interrupted: ReadonlySet<number>;
  readonly #listeners: ((news: TypingNews) => void)[] = [];

  constructor(needs: TypingNeeds, interrupted: ReadonlySet<number> = new Set()) {
    const { clock, notifier, rooms } = needs;
    this.#needs = needs;
    this.#interrupted = interrupted;
    // Nothing is written down, and still no token of an earlier life may lie ahead: microseconds run faster than people type.
    const start = clock.now() * 1000;
    this.#sequence = new StreamSequence(start);
    this.#recent = new RecentChanges(start, rememberedRooms);
    this.#wakes = new PacedWakes('typing', {
      notifier,
      clock,
      readersOf: (roomNid) => rooms.memberships.loadedLocalMembers(roomNid)?.size ?? 0,
    });
  }

  get now(): number {
    return this.#sequence.now();
  }

  /** Rooms in which somebody types. */
  get roomNids(): number[] {
    return [...this.#rooms.keys()];
  }

  /** Calls the listener whenever somebody begins, goes on, or stops. It must not throw. */
  onTyping(listener: (news: TypingNews) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes a local user's word. `timeoutMs` beyond two minutes counts as two minutes. Throws M_FORBIDDEN to who is not in the room. */
  async set(viewer: Viewer, roomId: RoomId, typing: boolean, timeoutMs: number = defaultTimeoutMs): Promise<void> {
    const { memberships, ids } = this.#needs.rooms;
    const room = await ids.find(roomId);
    if (!room || !(await memberships.isJoined(viewer.userNid, room.nid))) throw forbidden('You are not in this room');
    // The wake reaches those whom memory holds.
    await memberships.localMembers(room.nid);
    const { userNid, userId } = viewer;
    this.put({ roomNid: room.nid, userNid, userId, typing }, timeoutMs);
  }

  /** Notes what somebody does, whose right to say so was checked. */
  put(news: TypingNews, timeoutMs: number): void {
    if (news.typing) this.#start(news, Math.min(Math.max(timeoutMs, 1), longestTimeoutMs));
    else this.#stop(news.roomNid, news.userNid);
    for (const listener of this.#listeners) listener(news);
  }

  /** Who leaves a room types in it no more. */
  get persistHook(): PersistHook {
    return {
      name: 'typing',
      after: ({ membershipChanges }) => {
        for (const { roomNid, userNid, membership } of membershipChanges) {
          if (membership !== 'join') this.#stop(roomNid, userNid);
        }
      },
    };
  }

  /** Those of the rooms of which there is news after `since`. Where memory does not reach back so far, all in which somebody types. */
  changedAmong(roomNids: ReadonlySet<number>, since: number): number[] {
    // A token from ahead of now: the clock was set back while the server was down.
    const known = since > this.now ? undefined : this.#recent.amongChangedSince(roomNids, since);
    if (known) return known;
    const rooms = new Set([...this.#interrupted].filter((roomNid) => roomNids.has(roomNid)));
    for (const roomNid of this.typedInAmong(roomNids)) rooms.add(roomNid);
    return [...rooms];
  }

  /** Those of the rooms in which somebody types now. */
  typedInAmong(roomNids: ReadonlySet<number>): number[] {
    return this.roomNids.filter((roomNid) => roomNids.has(roomNid));
  }

  /** A room's `m.typing` event as JSON, made once for all readers but those who ignore somebody. */
  eventFor(roomNid: number, ignored: ReadonlySet<string>): string {
    const room = this.#rooms.get(roomNid);
    if (!room) return eventOf([]);
    const users = [...room.users.values()].map(({ userId }) => userId);
    if (ignored.size > 0) return eventOf(users.filter((userId) => !ignored.has(userId)));
    return (room.text ??= eventOf(users));
  }

  #start({ roomNid, userNid, userId }: TypingNews, timeoutMs: number): void {
    const until = this.#needs.clock.monotonic() + timeoutMs;
    let room = this.#rooms.get(roomNid);
    if (!room) this.#rooms.set(roomNid, (room = { users: new Map(), timer: undefined, text: undefined }));
    const known = room.users.get(userNid);
    if (known) {
      const ends = Math.min(known.until, until) === until;
      known.until = until;
      // A later end is found when the timer falls due; an earlier one is not.
      if (ends) this.#arm(roomNid, room);
      return;
    }
    room.users.set(userNid, { userId, until });
    this.#arm(roomNid, room);
    this.#tell(roomNid, room);
  }

  #stop(roomNid: number, userNid: number): void {
    const room = this.#rooms.get(roomNid);
    if (!room?.users.delete(userNid)) return;
    this.#forgetIfQuiet(roomNid, room);
    this.#tell(roomNid, room);
  }

  #arm(roomNid: number, room: TypingRoom): void {
    room.timer?.cancel();
    const next = Math.min(...[...room.users.values()].map(({ until }) => until));
    room.timer = this.#needs.clock.schedule(next - this.#needs.clock.monotonic(), () => this.#expire(roomNid, room));
  }

  #expire(roomNid: number, room: TypingRoom): void {
    const now = this.#needs.clock.monotonic();
    let isNews = false;
    const stopped: TypingNews[] = [];
    for (const [userNid, { userId, until }] of room.users) {
      if (until > now) continue;
      isNews = room.users.delete(userNid);
      stopped.push({ roomNid, userNid, userId, typing: false });
    }
    if (room.users.size > 0) this.#arm(roomNid, room);
    else this.#forgetIfQuiet(roomNid, room);
    if (isNews) this.#tell(roomNid, room);
    for (const news of stopped) for (const listener of this.#listeners) listener(news);
  }

  #forgetIfQuiet(roomNid: number, room: TypingRoom): void {
    if (room.users.size > 0) return;
    room.timer?.cancel();
    this.#rooms.delete(roomNid);
  }

  #tell(roomNid: number, room: TypingRoom): void {
    room.text = undefined;
    const { position, finished } = this.#sequence.allocate();
    finished();
    this.#recent.changed(roomNid, position);
    this.#wakes.wake(roomNid, position);
  }
}

function eventOf(users: readonly UserId[]): string {
  return `{"type":"m.typing","content":{"user_ids":${JSON.stringify(users.slice(0, mostNames))}}}`;
}
