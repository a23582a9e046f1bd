import { forbidden, invalidParam, MatrixError } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Limiter } from '../../platform/rate-limits/index.ts';
import { RecentChanges, RecentItems, StreamSequence, type Notifier } from '../../platform/streams/index.ts';
import { Turns } from '../../platform/turns.ts';
import type { PersistHook, Rooms, Viewer } from '../../rooms/index.ts';
import { beforeRestart, clientOf, newUser, revivedUser, storedOf, type LiveUser } from './live-user.ts';
import { nextChange, presenceAt, type PresenceState, type PresenceTimers, type Verdict } from './presence-rules.ts';
import { lastPosition, putPresences, readPresences, readThoseThere, type StoredPresence } from './presence.store.ts';
import { TimerWheel } from './timer-wheel.ts';

export interface PresenceNeeds {
  readonly config: Pick<Config, 'presence' | 'exclude_rooms_from_presence'>;
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rooms: Rooms;
  readonly limiters: Readonly<Record<string, Limiter>>;
  /** Name and avatar that go with a user's presence. */
  readonly profiles: {
    of(
      userNid: number,
    ): Promise<{ readonly displayname: string | undefined; readonly avatarUrl: string | undefined } | undefined>;
  };
}

/** A user's presence as it is told. */
export interface ToldPresence {
  readonly userId: UserId;
  readonly state: PresenceState;
  readonly currentlyActive: boolean;
  readonly lastActiveTs: number;
  readonly statusMsg: string | undefined;
}

/** Others are to hear of a user of this server. */
export interface PresenceNews extends ToldPresence {
  readonly userNid: number;
  /** In which rooms. */
  readonly roomNids: readonly number[];
}

/** How often time is looked at. */
export const tickMs = 5000;
const longestPollMs = 10 * 60_000;
/** What another server says of a user is believed for so long, unless it says it again. */
const believedMs = 30 * 60_000;
export const longestStatus = 4096;
/** Larger rooms are not woken for somebody who comes or goes: their members hear of it with the next thing that happens to them. */
const largestWokenRoom = 500;
const mostWokenRooms = 100;

/**
 * Who is there. Lives in memory, is written down every few seconds and when somebody sets a status; only what others are to hear moves
 * the stream. What one user does costs work by the number of their rooms, never by the members of those.
 * https://spec.matrix.org/v1.19/client-server-api/#presence
 */
export class Presence {
  /** Which users were told of lately, and in which rooms somebody was. */
  readonly recentUsers: RecentChanges;
  readonly recentRooms: RecentChanges;
  readonly recentOfRooms: RecentItems<{ readonly position: number; readonly userNid: number }>;
  /** Users who are not offline. */
  readonly there = new Set<number>();
  readonly #needs: PresenceNeeds;
  readonly #timers: PresenceTimers;
  readonly #sequence: StreamSequence;
  readonly #users = new Map<number, Promise<LiveUser> | LiveUser>();
  readonly #dirty = new Set<LiveUser>();
  readonly #wheel = new TimerWheel(tickMs);
  readonly #turns = new Turns<number>();
  readonly #listeners: ((news: PresenceNews) => void)[] = [];

  private constructor(needs: PresenceNeeds, last: number) {
    const { presence } = needs.config;
    this.#needs = needs;
    this.#timers = {
      idleMs: presence.idle_timeout,
      activeMs: presence.last_active_granularity,
      goneMs: presence.sync_online_timeout,
    };
    // Memory runs ahead of what is written down: microseconds run faster than people come and go, so no old token lies ahead.
    const start = Math.max(needs.clock.now() * 1000, last);
    this.#sequence = new StreamSequence(start);
    this.recentUsers = new RecentChanges(start);
    this.recentRooms = new RecentChanges(start);
    this.recentOfRooms = new RecentItems(start, { perKey: 500, all: 100_000 });
  }

  /** Whoever was there when the server ended is there until it shows that they are not. */
  static async open(needs: PresenceNeeds): Promise<Presence> {
    const presence = new Presence(needs, await lastPosition(needs.database));
    if (!presence.isShown) return presence;
    const stored = await readThoseThere(needs.database);
    const userIds = await needs.names.textsOf(stored.map(({ userNid }) => userNid));
    for (const one of stored) presence.#revive(one, userIds.get(one.userNid) as UserId);
    return presence;
  }

  get now(): number {
    return this.#sequence.now();
  }

  /** Whether anybody is shown anybody's presence. */
  get isShown(): boolean {
    return this.#needs.config.presence.enabled !== false;
  }

  /** Whether clients have a say: with `untracked` only modules do. */
  get #isTracked(): boolean {
    return this.#needs.config.presence.enabled === true;
  }

  /**
   * A client of the user syncs, for `pollMs` milliseconds at most; `offline` leaves the presence as it is. Answers at once for users in
   * memory. A client that changes its mind more often than `rc_presence` allows is not heard.
   */
  seen(viewer: Viewer, state: PresenceState, pollMs = 0): void | Promise<void> {
    if (!this.#isTracked || state === 'offline') return;
    const known = this.#users.get(viewer.userNid);
    if (known && !(known instanceof Promise)) return this.#seen(known, viewer, state, pollMs);
    return this.#load(viewer).then((user) => this.#seen(user, viewer, state, pollMs));
  }

  /** Calls the listener whenever others are to hear of one of our own users. It must not throw. */
  onNews(listener: (news: PresenceNews) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes what another server says of one of its users; that it may was checked. */
  async receive({ userNid, ...said }: ToldPresence & { readonly userNid: number }): Promise<void> {
    if (!this.isShown) return;
    const { userId, state, currentlyActive, lastActiveTs, statusMsg } = said;
    const user = await this.#load({ userNid, userId, isGuest: false });
    user.believedUntil = this.#needs.clock.now() + believedMs;
    user.lastActiveTs = lastActiveTs;
    user.statusMsg = statusMsg;
    user.clients.clear();
    if (state !== 'offline') this.#wheel.add(userNid, user.believedUntil);
    await this.#tellIfNews(user, { state, currentlyActive });
  }

  /** A sign of life: the user has sent, read or typed something. Nobody who is offline appears by it. */
  active(userNid: number): void {
    const user = this.#users.get(userNid);
    if (!user || user instanceof Promise || !this.#isTracked || user.told.state === 'offline') return;
    // Of users of other servers their servers tell.
    if (user.believedUntil !== undefined) return;
    user.lastActiveTs = this.#needs.clock.now();
    for (const [client, { state, thereUntil }] of user.clients) {
      if (state === 'unavailable') user.clients.set(client, { state: 'online', thereUntil });
    }
    void this.#settle(user);
  }

  /** Sets what the user says of themselves; durable when it resolves. Throws M_INVALID_PARAM for a status that is too long. */
  async set(viewer: Viewer, state: PresenceState, statusMsg: string | undefined): Promise<void> {
    if (!this.#isTracked) return;
    if (statusMsg !== undefined && statusMsg.length > longestStatus) {
      throw invalidParam(`status_msg may have ${longestStatus} characters at most`);
    }
    const user = await this.#load(viewer);
    const now = this.#needs.clock.now();
    user.statusMsg = statusMsg;
    if (state === 'offline') user.clients.delete(clientOf(viewer));
    else {
      user.lastActiveTs = now;
      user.clients.set(clientOf(viewer), { state, thereUntil: now + this.#timers.goneMs });
    }
    await this.#settle(user);
    this.#dirty.add(user);
    await this.writeDown();
  }

  /** A user's presence as another may see it; throws M_FORBIDDEN where they share no room. */
  async look(viewer: Viewer, userId: UserId): Promise<ToldPresence | undefined> {
    if (!this.isShown) return undefined;
    const userNid = userId === viewer.userId ? viewer.userNid : await this.#needs.names.knownIdOf(userId);
    const { memberships } = this.#needs.rooms;
    const maySee =
      userNid === viewer.userNid ||
      (userNid !== undefined && (await memberships.shareRoom(viewer.userNid, userNid, await this.excludedRooms())));
    if (!maySee) throw forbidden('You may see the presence only of those with whom you share a room');
    return (await this.toldOf([userNid])).get(userNid);
  }

  /** What others are told of users; those who never had a presence are left out. */
  async toldOf(userNids: Iterable<number>): Promise<Map<number, ToldPresence>> {
    const told = new Map<number, ToldPresence>();
    const missing: number[] = [];
    for (const userNid of userNids) {
      const user = this.#users.get(userNid);
      if (user && !(user instanceof Promise))
        told.set(userNid, { ...user.told, userId: user.userId, lastActiveTs: user.lastActiveTs });
      else missing.push(userNid);
    }
    if (missing.length === 0) return told;
    const userIds = await this.#needs.names.textsOf(missing);
    for (const stored of await readPresences(this.#needs.database, missing)) {
      told.set(stored.userNid, { ...stored, userId: userIds.get(stored.userNid) as UserId, currentlyActive: false });
    }
    return told;
  }

  /** Rooms by which nobody sees anybody: `exclude_rooms_from_presence`. */
  async excludedRooms(): Promise<ReadonlySet<number>> {
    const excluded = new Set<number>();
    for (const roomId of this.#needs.config.exclude_rooms_from_presence) {
      const room = await this.#needs.rooms.ids.find(roomId);
      if (room) excluded.add(room.nid);
    }
    return excluded;
  }

  /** Name or avatar have changed: whoever sees the presence sees those too. */
  async profileChanged(userNid: number): Promise<void> {
    const user = this.#users.get(userNid);
    if (user && !(user instanceof Promise) && user.told.state !== 'offline') await this.#tell(user);
  }

  /** Who sends shows life; who joins a room is seen by those in it. */
  get persistHook(): PersistHook {
    return {
      name: 'presence',
      after: ({ events, historical, membershipChanges }) => {
        if (!historical) for (const { senderNid } of events) this.active(senderNid);
        for (const { local, membership, previous, userNid, roomNid } of membershipChanges) {
          if (local && membership === 'join' && previous !== 'join') this.#appear(userNid, roomNid);
        }
      },
    };
  }

  /** Those who are there and of whom there was news after `since`. */
  thereSince(since: number): Set<number> {
    const found = new Set<number>();
    for (const userNid of this.there) {
      const user = this.#users.get(userNid);
      if (!user || user instanceof Promise || user.position > since) found.add(userNid);
    }
    return found;
  }

  /** Looks at those whom time alone may have changed, and writes down what is new. */
  async tick(): Promise<void> {
    for (const userNid of this.#wheel.take(this.#needs.clock.now())) {
      const user = this.#users.get(userNid);
      if (user && !(user instanceof Promise)) await this.#settle(user);
    }
    await this.writeDown();
  }

  /** Writes down what only memory holds. */
  async writeDown(): Promise<void> {
    const users = [...this.#dirty];
    if (users.length === 0) return;
    this.#dirty.clear();
    try {
      await this.#needs.database.write((tx) => putPresences(tx, users.map(storedOf)));
    } catch (error) {
      for (const user of users) this.#dirty.add(user);
      throw error;
    }
    for (const user of users) {
      // The database knows all there is to know of who is gone.
      if (user.told.state === 'offline' && user.clients.size === 0 && !this.#dirty.has(user)) this.#users.delete(user.userNid);
    }
  }

  #seen(user: LiveUser, viewer: Viewer, state: 'online' | 'unavailable', pollMs: number): void | Promise<void> {
    const now = this.#needs.clock.now();
    const client = clientOf(viewer);
    // After a restart the first client to be heard of is taken for the one that was there before.
    const before = user.clients.get(client) ?? user.clients.get(beforeRestart);
    user.clients.delete(beforeRestart);
    const wasThere = before !== undefined && before.thereUntil > now;
    const thereUntil = now + Math.min(pollMs, longestPollMs) + this.#timers.goneMs;
    if (wasThere && before.state !== state && !this.#mayChange(user.userId)) {
      user.clients.set(client, { state: before.state, thereUntil });
      return;
    }
    if (state === 'online' && !(wasThere && before.state === 'online')) user.lastActiveTs = now;
    user.clients.set(client, { state, thereUntil });
    return this.#settle(user);
  }

  #mayChange(userId: UserId): boolean {
    try {
      this.#needs.limiters['rc_presence.per_user']?.limit(userId);
      return true;
    } catch (error) {
      // A sync is answered all the same: it is only not heard.
      if (error instanceof MatrixError) return false;
      throw error;
    }
  }

  /** Works out how things stand, and tells others if that is news to them. */
  #settle(user: LiveUser): void | Promise<void> {
    const now = this.#needs.clock.now();
    if (user.believedUntil !== undefined) {
      if (now >= user.believedUntil) return this.#tellIfNews(user, { state: 'offline', currentlyActive: false });
      if (user.told.state !== 'offline') this.#wheel.add(user.userNid, user.believedUntil);
      return;
    }
    const facts = { clients: user.clients.values(), lastActiveTs: user.lastActiveTs };
    const verdict = presenceAt(facts, now, this.#timers);
    const next = nextChange({ ...facts, clients: user.clients.values() }, now, this.#timers);
    if (next === undefined) user.clients.clear();
    else this.#wheel.add(user.userNid, next);
    return this.#tellIfNews(user, verdict);
  }

  #tellIfNews(user: LiveUser, verdict: Verdict): void | Promise<void> {
    const { told, statusMsg } = user;
    if (told.state === verdict.state && told.currentlyActive === verdict.currentlyActive && told.statusMsg === statusMsg) return;
    user.told = { ...verdict, statusMsg };
    if (verdict.state === 'offline') this.there.delete(user.userNid);
    else this.there.add(user.userNid);
    return this.#tell(user);
  }

  #tell(user: LiveUser): Promise<void> {
    const { rooms, logger } = this.#needs;
    return this.#turns
      .take(user.userNid, async () => {
        const roomNids = await rooms.memberships.joinedRooms(user.userNid);
        const excluded = await this.excludedRooms();
        const told = roomNids.filter((roomNid) => !excluded.has(roomNid));
        // The wake reaches those whom memory holds.
        const woken = told.slice(0, mostWokenRooms);
        const members = await Promise.all(woken.map((roomNid) => rooms.memberships.localMembers(roomNid)));
        user.position = this.#log(user.userNid, told);
        this.#dirty.add(user);
        this.#needs.notifier.wake('presence', user.position, {
          users: [user.userNid],
          rooms: woken.filter((_, index) => (members[index]?.size ?? 0) <= largestWokenRoom),
        });
        if (user.believedUntil !== undefined) return;
        const { userNid, userId, lastActiveTs } = user;
        for (const listener of this.#listeners) listener({ ...user.told, userNid, userId, lastActiveTs, roomNids: told });
      })
      .catch((error: unknown) => logger.error({ err: error, user: user.userId }, 'a presence could not be told'));
  }

  /** Those in a room learn of who has joined it. */
  #appear(userNid: number, roomNid: number): void {
    const user = this.#users.get(userNid);
    if (!user || user instanceof Promise || !this.there.has(userNid)) return;
    const roomId = this.#needs.rooms.ids.knownByNid(roomNid)?.roomId;
    if (roomId === undefined || this.#needs.config.exclude_rooms_from_presence.includes(roomId)) return;
    user.position = this.#log(userNid, [roomNid]);
  }

  /** Notes in rooms that there is news of a user; gives the news' position. */
  #log(userNid: number, roomNids: readonly number[]): number {
    const { position, finished } = this.#sequence.allocate();
    for (const roomNid of roomNids) {
      this.recentRooms.changed(roomNid, position);
      this.recentOfRooms.add(roomNid, { position, userNid });
    }
    this.recentUsers.changed(userNid, position);
    finished();
    return position;
  }

  #load({ userNid, userId }: Viewer): Promise<LiveUser> {
    const known = this.#users.get(userNid);
    if (known) return Promise.resolve(known);
    const loading = readPresences(this.#needs.database, [userNid]).then(([stored]) => {
      const user = newUser(userNid, userId, stored);
      this.#users.set(userNid, user);
      return user;
    });
    this.#users.set(userNid, loading);
    loading.catch(() => this.#users.delete(userNid));
    return loading;
  }

  #revive(stored: StoredPresence, userId: UserId): void {
    const now = this.#needs.clock.now();
    const user = revivedUser(userId, stored, now, this.#timers);
    this.#users.set(user.userNid, user);
    this.there.add(user.userNid);
    this.#wheel.add(user.userNid, now + this.#timers.goneMs);
  }
}
