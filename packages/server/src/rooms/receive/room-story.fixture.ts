import assert from 'node:assert/strict';

import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createTestClock } from '../../platform/clock.ts';
import { Interner, type Database } from '../../platform/database/index.ts';
import { silentLogger } from '../../platform/observability/index.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { Notifier } from '../../platform/streams/index.ts';
import { openRooms, type RoomIdentity, type Rooms } from '../index.ts';
import { joinRule, levels, membership, OtherServers } from './other-servers.fixture.ts';
import type { RawPdu } from './remote-events.ts';

export const ann = '@ann:far.example';
export const bob = '@bob:near.example';
export const cora = '@cora:cove.example';
export const mallory = '@mallory:m.example';
/** The local user. */
export const lea = '@lea:hive.example';
export const far = 'far.example' as ServerName;

/** A room of other servers that this one is in. */
export interface RoomStory {
  readonly rooms: Rooms;
  readonly room: RoomIdentity;
  readonly others: OtherServers;
  /** Lea's join: the first event that this server has in earnest. */
  readonly join: EventId;
  /** Brings an event, or the one with that id, to the door and into the room. */
  receives(event: RawPdu, from?: ServerName): Promise<string>;
  /** The current state, as the ids of events by type and key. */
  state(): Promise<Record<string, string>>;
  extremities(): Promise<EventId[]>;
}

/** The room engine over a database. */
export async function roomsOver(database: Database, others: OtherServers): Promise<Rooms> {
  const caches = new CacheBudget(16_000_000);
  const rooms = await openRooms({
    database,
    names: new Interner(database, caches),
    caches,
    notifier: new Notifier(),
    clock: createTestClock(5_000),
    random: createSeededRandom(7),
    logger: silentLogger,
    serverName: 'hive.example' as ServerName,
    signingKey: others.keyOf('hive.example'),
  });
  rooms.receiving.plugIn({ remote: others, verifier: others });
  return rooms;
}

/** Ann's public room, in which Bob (50), Cora (50) and Mallory are, and into which Lea comes. */
export function friendsElsewhere(version: string): { others: OtherServers; join: EventId } {
  const others = new OtherServers(version);
  const users = others.rules.privilegedCreators ? { [bob]: 50, [cora]: 50 } : { [ann]: 100, [bob]: 50, [cora]: 50 };
  let last = others.send(membership(ann, 'join'), [others.create]);
  for (const sending of [
    levels(ann, users),
    joinRule(ann, 'public'),
    membership(bob, 'join'),
    membership(cora, 'join'),
    membership(mallory, 'join'),
  ]) {
    last = others.send(sending, [last]);
  }
  return { others, join: others.send(membership(lea, 'join'), [last]) };
}

/** Lets Lea's server enter the room. */
export async function enters(rooms: Rooms, others: OtherServers, join: EventId): Promise<RoomIdentity> {
  const { before } = others.sent(join);
  return rooms.receiving.enterRoom({
    roomId: others.roomId,
    rules: others.rules,
    rest: () => Promise.resolve({ joinEvent: others.pdu(join) }),
    given: others.given([...before.values()]),
    origin: far,
  });
}

export async function story(database: Database, version = '10', elsewhere = friendsElsewhere(version)): Promise<RoomStory> {
  const { others, join } = elsewhere;
  const rooms = await roomsOver(database, others);
  const room = await enters(rooms, others, join);
  return storyIn(rooms, room, others, join);
}

export function storyIn(rooms: Rooms, room: RoomIdentity, others: OtherServers, join: EventId): RoomStory {
  return {
    rooms,
    room,
    others,
    join,
    async receives(event, from = far) {
      const raw = typeof event === 'string' && event.startsWith('$') ? others.pdu(event as EventId) : event;
      const [verdict] = await rooms.receiving.atTheDoor(room, [raw]);
      assert.ok(verdict);
      if (!verdict.ok) return `dropped: ${verdict.reason}`;
      const outcome = await rooms.receiving.receive(room, verdict, { origin: from });
      return 'reason' in outcome ? `${outcome.outcome}: ${outcome.reason}` : outcome.outcome;
    },
    state: () => readable(rooms, room),
    extremities: () =>
      rooms.inTurn(room, (inMemory) => Promise.resolve(inMemory.head.extremities.map(({ eventId }) => eventId).sort())),
  };
}

/** The bodies of a room's messages, as its timeline has them. */
export async function bodies({ rooms, room }: RoomStory): Promise<unknown[]> {
  const page = await rooms.timeline.page(room.nid, { direction: 'f', limit: 100 });
  return page.filter(({ type }) => type === 'm.room.message').map(({ content }) => content['body']);
}

/** A room's current state. */
export async function readable(rooms: Rooms, room: RoomIdentity): Promise<Record<string, string>> {
  const events = await rooms.states.all(room.nid, await rooms.states.currentRoot(room.nid));
  return Object.fromEntries(events.map(({ type, stateKey, eventId }) => [`${type} ${stateKey}`, eventId] as const));
}

/** A state as the other servers have it, in the same form. */
export function expected(others: OtherServers, extremities: readonly EventId[]): Record<string, string> {
  const events = Array.from(others.stateOf(extremities).values(), (eventId) => others.sent(eventId).event);
  return Object.fromEntries(events.map(({ type, stateKey, eventId }) => [`${type} ${stateKey}`, eventId] as const));
}
