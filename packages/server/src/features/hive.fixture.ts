import assert from 'node:assert/strict';

import type { JsonObject } from '@myelin/protocol/events';
import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { generateSigningKey } from '@myelin/protocol/signatures';

import type { Edu, OutgoingEdus } from '../federation/edu.ts';
import { CacheBudget } from '../platform/cache/index.ts';
import { createTestClock, type TestClock } from '../platform/clock.ts';
import { Interner, type Database } from '../platform/database/index.ts';
import { silentLogger, type Logger } from '../platform/observability/index.ts';
import { createSeededRandom } from '../platform/random.ts';
import { decodeSyncToken, Notifier, type SyncToken } from '../platform/streams/index.ts';
import {
  openRooms,
  type EventDraft,
  type RoomIdentity,
  type Rooms,
  type StoredEvent,
  type SyncScope,
  type Viewer,
} from '../rooms/index.ts';

const serverName = 'hive.example' as ServerName;

/** What a feature is built from, and people who live there: for tests of one feature that need no HTTP. */
export interface Hive {
  readonly database: Database;
  readonly names: Interner;
  readonly caches: CacheBudget;
  readonly notifier: Notifier;
  readonly clock: TestClock;
  readonly logger: Logger;
  readonly rooms: Rooms;
  readonly serverName: ServerName;
  readonly outgoingEdus: OutgoingEdus;
  /** What features have given to `outgoingEdus`, with the rooms whose servers it goes to. */
  readonly sentEdus: (Edu & { readonly roomNids: readonly number[] })[];
  /** Mallory is in none of the rooms. */
  readonly people: { readonly alice: Viewer; readonly bob: Viewer; readonly mallory: Viewer };
  /** A room of Alice's in which Bob is too, and some more events. */
  friendsInARoom(...drafts: EventDraft[]): Promise<{ room: RoomIdentity; events: readonly StoredEvent[] }>;
  /** What a sync of these rooms asks a source. */
  scope(viewer: Viewer, joined: readonly number[], fresh?: readonly number[]): SyncScope;
}

/** Opens the room engine on a database. Its clock stands still. */
export async function openHive(database: Database): Promise<Hive> {
  const caches = new CacheBudget(16_000_000);
  const names = new Interner(database, caches);
  const notifier = new Notifier();
  const clock = createTestClock();
  const logger = silentLogger;
  const rooms = await openRooms({
    database,
    names,
    caches,
    notifier,
    clock,
    random: createSeededRandom(7),
    logger,
    serverName,
    signingKey: generateSigningKey(new Uint8Array(32).fill(1)),
  });
  const viewer = async (name: string): Promise<Viewer> => {
    const userId = `@${name}:${serverName}` as UserId;
    return { userId, userNid: await names.idOf(userId), isGuest: false };
  };
  const people = { alice: await viewer('alice'), bob: await viewer('bob'), mallory: await viewer('mallory') };
  const sentEdus: Hive['sentEdus'] = [];
  return {
    database,
    names,
    caches,
    notifier,
    clock,
    logger,
    rooms,
    serverName,
    outgoingEdus: {
      toServers: () => undefined,
      toRoom: async (roomNid, edu) => void sentEdus.push({ ...edu, roomNids: [roomNid] }),
      toRooms: async (roomNids, edu) => void sentEdus.push({ ...edu, roomNids: [...roomNids] }),
    },
    sentEdus,
    people,
    async friendsInARoom(...drafts) {
      const rules = roomVersionRules('12');
      assert.ok(rules);
      const { identity } = await rooms.create({
        rules,
        create: state(people.alice, 'm.room.create', { room_version: '12' }),
        followers: () => [
          member(people.alice, 'join'),
          state(people.alice, 'm.room.power_levels', {}),
          state(people.alice, 'm.room.join_rules', { join_rule: 'public' }),
        ],
      });
      await rooms.send(identity, [member(people.bob, 'join')]);
      const events: StoredEvent[] = [];
      for (const draft of drafts) events.push(...(await rooms.send(identity, [draft])));
      return { room: identity, events };
    },
    scope: (who, joined, fresh = []) => ({
      viewer: who,
      joinedRooms: new Set(joined),
      newRooms: new Set(fresh),
      roomsWithEvents: new Set(),
      threadCounts: false,
      since: undefined,
      upTo: decodeSyncToken('s0') as SyncToken,
    }),
  };
}

/** A state event of somebody's. */
export function state(sender: Viewer, type: string, content: JsonObject, stateKey = ''): EventDraft {
  return { type, sender: sender.userId, stateKey, content };
}

/** A membership that somebody gives to themselves. */
export function member(who: Viewer, membership: string): EventDraft {
  return state(who, 'm.room.member', { membership }, who.userId);
}

/** A message. */
export function says(sender: Viewer, body: string): EventDraft {
  return { type: 'm.room.message', sender: sender.userId, content: { msgtype: 'm.text', body } };
}
