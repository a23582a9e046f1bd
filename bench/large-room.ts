/**
 * A room of 50,000 members, through the room engine: what its making costs, what it is to load it from cold, and what a change costs there.
 * Run: `node scripts/run.mjs bench/large-room.ts [members]` (about half a minute for 50,000, SQLite in a temporary folder).
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { JsonObject } from '@myelin/protocol/events';
import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { generateSigningKey } from '@myelin/protocol/signatures';
import { migrations } from '@myelin/server/migrations';
import { CacheBudget } from '@myelin/server/platform/cache';
import { Interner, openDatabase, type Database } from '@myelin/server/platform/database';
import { silentLogger } from '@myelin/server/platform/observability';
import { Notifier } from '@myelin/server/platform/streams';
import { openRooms, type EventDraft, type RoomIdentity, type Rooms } from '@myelin/server/rooms';

import { systemClock } from '../packages/server/src/platform/clock.ts';
import { createSeededRandom } from '../packages/server/src/platform/random.ts';

const cacheBytes = 100_000_000;
const joinsInBatch = 250;
const changes = 1_000;
const members = Number(process.argv[2] ?? 50_000);
const alice = '@alice:hive.example' as UserId;
const directory = mkdtempSync(join(tmpdir(), 'myelin-bench-'));
const path = join(directory, 'room.db');
const key = generateSigningKey(new Uint8Array(32).fill(1));

interface OpenRooms {
  readonly database: Database;
  readonly rooms: Rooms;
  readonly names: Interner;
}

try {
  const identity = await build();
  console.table([await measureCold(identity), await measureChanges(identity)].flat());
} finally {
  rmSync(directory, { recursive: true });
}

async function open(): Promise<OpenRooms> {
  const database = await openDatabase({ kind: 'sqlite', path }, migrations);
  const caches = new CacheBudget(cacheBytes);
  const names = new Interner(database, caches);
  const rooms = await openRooms({
    database,
    names,
    caches,
    notifier: new Notifier(),
    clock: systemClock,
    random: createSeededRandom(7),
    logger: silentLogger,
    serverName: 'hive.example' as ServerName,
    signingKey: key,
  });
  return { database, rooms, names };
}

async function build(): Promise<RoomIdentity> {
  const { database, rooms } = await open();
  const rules = roomVersionRules('12');
  if (!rules) throw new Error('there is no room version 12');
  const { identity } = await rooms.create({
    rules,
    create: state(alice, 'm.room.create', { room_version: '12' }),
    followers: () => [
      state(alice, 'm.room.member', { membership: 'join' }, alice),
      state(alice, 'm.room.power_levels', {}),
      state(alice, 'm.room.join_rules', { join_rule: 'public' }),
    ],
  });
  const start = performance.now();
  for (let done = 1; done < members; done += joinsInBatch) {
    const count = Math.min(joinsInBatch, members - done);
    await rooms.send(
      identity,
      Array.from({ length: count }, (_, index) => joins(member(done + index))),
    );
  }
  const seconds = (performance.now() - start) / 1000;
  await database.close();
  const each = statSync(path).size / members;
  console.log(
    `${members.toLocaleString('en')} members joined in ${seconds.toFixed(1)} s (${Math.round(members / seconds)}/s), ${Math.round(each)} bytes on disk each`,
  );
  return identity;
}

/** Each with a server that has just been started. */
async function measureCold(identity: RoomIdentity): Promise<Line[]> {
  const cold = async (what: string, work: (opened: OpenRooms) => Promise<unknown>): Promise<Line[]> => {
    const opened = await open();
    const first = await timed(() => work(opened));
    const again = await timed(() => work(opened));
    await opened.database.close();
    return [{ what, 'from cold': ms(first), again: ms(again) }];
  };
  const root = ({ rooms }: OpenRooms) => rooms.states.currentRoot(identity.nid);
  return [
    ...(await cold('one message', ({ rooms }) => rooms.send(identity, [says(member(members - 1))]))),
    ...(await cold('who its members are', ({ rooms }) => rooms.memberships.localMembers(identity.nid))),
    ...(await cold('all of the state but members', async (opened) =>
      opened.rooms.states.all(identity.nid, await root(opened), 'others'),
    )),
    ...(await cold('the whole state, as events', async (opened) => opened.rooms.states.all(identity.nid, await root(opened)))),
    ...(await cold('the auth chain of the whole state', async (opened) => {
      const entries = await opened.rooms.states.tree.entries(identity.nid, await root(opened));
      const { rules } = identity;
      const server = 'nest.example' as ServerName;
      return opened.rooms.authChains.of({ server, rules, events: entries.map(({ event }) => event), name: 'state' });
    })),
  ];
}

async function measureChanges(identity: RoomIdentity): Promise<Line[]> {
  const grown = async (what: string, work: (rooms: Rooms, index: number) => Promise<unknown>): Promise<Line> => {
    const before = statSync(path).size;
    const { database, rooms } = await open();
    await rooms.send(identity, [says(alice)]);
    const elapsed = await timed(async () => {
      for (let done = 0; done < changes; done += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, index) => work(rooms, done + index)));
      }
    });
    await database.close();
    const bytes = (statSync(path).size - before) / changes;
    return { what, each: ms(elapsed / changes), 'bytes on disk': bytes.toFixed(0) };
  };
  return [
    await grown('a message, ten at once', (rooms, index) => rooms.send(identity, [says(member(1 + index))])),
    await grown('a member changes their name, ten at once', (rooms, index) =>
      rooms.send(identity, [joins(member(1 + index * Math.floor(members / changes)), { displayname: `Name ${index}` })]),
    ),
  ];
}

type Line = Record<string, string>;

function member(index: number): UserId {
  return `@member${index}:hive.example` as UserId;
}

function state(sender: UserId, type: string, content: JsonObject, stateKey = ''): EventDraft {
  return { type, sender, stateKey, content };
}

function joins(user: UserId, more: JsonObject = {}): EventDraft {
  return state(user, 'm.room.member', { membership: 'join', ...more }, user);
}

function says(sender: UserId): EventDraft {
  return { type: 'm.room.message', sender, content: { msgtype: 'm.text', body: 'hello, all fifty thousand of you' } };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}
