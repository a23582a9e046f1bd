import assert from 'node:assert/strict';

import type { JsonObject } from '@myelin/protocol/events';
import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { generateSigningKey } from '@myelin/protocol/signatures';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createTestClock } from '../../platform/clock.ts';
import { Interner, type Database } from '../../platform/database/index.ts';
import { silentLogger } from '../../platform/observability/index.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { Notifier } from '../../platform/streams/index.ts';
import { openRooms, type EventDraft, type RoomIdentity, type Rooms, type StoredEvent } from '../../rooms/index.ts';
import { pushFeature, type PushRules, type Unread } from './index.ts';

/** Rooms with push over a database, for tests and measurements: no HTTP, no accounts. */
export interface PushWorld {
  readonly rooms: Rooms;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly rules: PushRules;
  readonly unread: Unread;
  /** Says whom somebody ignores from now on. */
  ignore(user: UserId, ignored: readonly string[]): Promise<void>;
  /** Makes a room whose creator is `users[0]`, with all of them in it. */
  roomOf(users: readonly UserId[], state?: readonly EventDraft[]): Promise<RoomIdentity>;
  sends(room: RoomIdentity, draft: EventDraft): Promise<StoredEvent>;
}

export function user(name: string): UserId {
  return `@${name}:hive.example` as UserId;
}

export function says(sender: UserId, body: string, more: JsonObject = {}): EventDraft {
  return { type: 'm.room.message', sender, content: { msgtype: 'm.text', body, ...more } };
}

export function inThread(root: StoredEvent): JsonObject {
  return { 'm.relates_to': { rel_type: 'm.thread', event_id: root.eventId } };
}

export function membership(sender: UserId, membership: string, target: UserId = sender, more: JsonObject = {}): EventDraft {
  return { type: 'm.room.member', sender, stateKey: target, content: { membership, ...more } };
}

export async function openPushWorld(database: Database): Promise<PushWorld> {
  const caches = new CacheBudget(64_000_000);
  const names = new Interner(database, caches);
  const notifier = new Notifier();
  const random = createSeededRandom(7);
  const rooms = await openRooms({
    database,
    names,
    caches,
    notifier,
    clock: createTestClock(),
    random,
    logger: silentLogger,
    serverName: 'hive.example' as ServerName,
    signingKey: generateSigningKey(new Uint8Array(32).fill(1)),
  });
  const ignored = new Map<number, ReadonlySet<string>>();
  const listeners: ((change: { userNid: number; type: string }) => void)[] = [];
  rooms.hooks.ignoredUsers = (userNid) => Promise.resolve(ignored.get(userNid) ?? new Set());
  const { rules, unread } = await pushFeature({
    database,
    names,
    notifier,
    caches,
    random,
    rooms,
    accountData: { onChange: (listener) => listeners.push(listener), serveFrom: () => undefined },
    receipts: { hooks: [] },
  });
  return {
    rooms,
    names,
    notifier,
    rules,
    unread,
    async ignore(who, list) {
      const userNid = await names.idOf(who);
      ignored.set(userNid, new Set(list));
      for (const listener of listeners) listener({ userNid, type: 'm.ignored_user_list' });
    },
    roomOf: (users, state = []) => makeRoom(rooms, users, state),
    async sends(room, draft) {
      const [event] = await rooms.send(room, [draft], { evenIfUnchanged: true });
      assert.ok(event);
      return event;
    },
  };
}

async function makeRoom(rooms: Rooms, users: readonly UserId[], state: readonly EventDraft[]): Promise<RoomIdentity> {
  const rules = roomVersionRules('12');
  const [creator, ...others] = users;
  assert.ok(rules && creator);
  const { identity } = await rooms.create({
    rules,
    create: { type: 'm.room.create', sender: creator, stateKey: '', content: { room_version: '12' } },
    followers: () => [
      membership(creator, 'join'),
      { type: 'm.room.power_levels', sender: creator, stateKey: '', content: {} },
      { type: 'm.room.join_rules', sender: creator, stateKey: '', content: { join_rule: 'public' } },
      ...state,
    ],
  });
  if (others.length > 0) {
    await rooms.send(
      identity,
      others.map((other) => membership(other, 'join')),
    );
  }
  return identity;
}
