/**
 * What unread counts cost: evaluating push rules and writing what follows, for each message by the number of local members; reading one
 * room's counts and 5,000 rooms'; bytes a message. Run: `node bench/unread-counts.ts` (about fifteen seconds, SQLite in a temporary folder).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { putPushRule, type UserPushRules } from '@myelin/protocol/push-rules';
import { migrations } from '@myelin/server/migrations';
import { openDatabase, sqlText, type Database, type Tx } from '@myelin/server/platform/database';
import type { PersistHook, RoomIdentity, StoredEvent } from '@myelin/server/rooms';

import { openPushWorld, says, user, type PushWorld } from '../packages/server/src/features/push/push.fixture.ts';
import { unreadExceptions, unreadFollowed } from '../packages/server/src/features/push/unread/unread.store.ts';

const messages = 1_000;
const directory = mkdtempSync(join(tmpdir(), 'myelin-bench-'));

type Change = (rules: UserPushRules, room: RoomIdentity) => UserPushRules;
const mute: Change = (rules, { roomId }) => putPushRule(rules, { kind: 'room', ruleId: roomId }, { actions: [] });
const keyword =
  (word: string): Change =>
  (rules) =>
    putPushRule(rules, { kind: 'content', ruleId: word }, { pattern: word, actions: ['notify', { set_tweak: 'highlight' }] });

/** Who of the room's members has which rules. */
const audiences: Record<string, (index: number) => Change | undefined> = {
  'nobody changed any rule': () => undefined,
  '1 of 5 muted, 1 of 10 has a keyword': (index) =>
    index % 5 === 1 ? mute : index % 10 === 2 ? keyword(`word${index}`) : undefined,
  'everyone has a keyword of their own': (index) => keyword(`word${index}`),
};

try {
  const written: Record<string, string | number>[] = [];
  for (const members of [3, 50, 500]) {
    for (const name of Object.keys(audiences)) written.push(await measureWriting(members, name));
  }
  console.table(written);
  console.table(await measureReading());
} finally {
  rmSync(directory, { recursive: true });
}

async function measureWriting(members: number, audience: string): Promise<Record<string, string | number>> {
  const database = await open(`write-${members}-${Object.keys(audiences).indexOf(audience)}`);
  const world = await openPushWorld(database);
  const people = Array.from({ length: members }, (_, index) => user(`person-${index}`));
  const room = await world.roomOf(people);
  for (const [index, person] of people.entries()) {
    const change = audiences[audience]?.(index);
    if (change) await world.rules.change(await world.names.idOf(person), (rules) => change(rules, room));
  }
  const sends = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += 10) {
      const ten = Array.from({ length: 10 }, (_, index) => says(people[index % 3] ?? user('nobody'), `message ${sent + index}`));
      await Promise.all(ten.map((draft) => world.rooms.send(room, [draft])));
    }
  };
  await sends(200);
  for (const person of people.slice(0, 200)) await world.unread.of(await world.names.idOf(person), [room.nid]);
  const meter = watch(world.rooms.hooks.persist);
  const bytesBefore = await pushBytes(database);
  const cost = await cpuOf(() => sends(messages));
  const bytes = (await pushBytes(database)) - bytesBefore;
  meter.enabled = false;
  const costWithout = await cpuOf(() => sends(messages));
  await database.close();
  return {
    members,
    audience,
    'µs of main thread a message': round((cost - costWithout) / messages),
    of: round(cost / messages),
    'rows written a message': round(meter.rows / messages / 3),
    'bytes a message': round(bytes / messages / 3),
  };
}

/** Microseconds of CPU on this thread: other processes of the machine do not count. The least of three. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = process.threadCpuUsage();
    await work();
    const { user: inUser, system } = process.threadCpuUsage(before);
    costs.push(inUser + system);
  }
  return Math.min(...costs);
}

interface Meter {
  enabled: boolean;
  rows: number;
}

/** Counts the rows of the hook that counts, and can take it out, so that its cost is seen. */
function watch(hooks: PersistHook[]): Meter {
  const meter: Meter = { enabled: true, rows: 0 };
  const index = hooks.findIndex(({ name }) => name === 'unread counts');
  const hook = hooks[index];
  if (!hook?.prepare) throw new Error('nobody counts');
  const prepare = hook.prepare.bind(hook);
  const counting = (tx: Tx): Tx => ({
    run: (query) => {
      meter.rows += 1;
      tx.run(query);
    },
    insertMany: (table, columns, rows, onConflict) => {
      meter.rows += rows.length;
      tx.insertMany(table, columns, rows, onConflict);
    },
    onCommit: (callback) => tx.onCommit(callback),
  });
  hooks[index] = {
    ...hook,
    prepare: async (batch) => {
      if (!meter.enabled) return undefined;
      const write = await prepare(batch);
      return write && ((tx) => write(counting(tx)));
    },
  };
  return meter;
}

async function measureReading(): Promise<Record<string, string | number>[]> {
  const database = await open('read');
  const userNid = 1;
  const [rooms, unreadRooms, eventsEach, upTo] = [5_000, 500, 40, 1_000_000];
  const crowded = rooms + 1;
  await database.write((tx) => {
    const all = Array.from({ length: rooms + 1 }, (_, index) => index + 1);
    tx.insertMany(
      'unread_rooms',
      ['user_nid', 'room_nid', 'read_position', 'main_position', 'follows_from', 'marked_at'],
      all.map((room) => [userNid, room, 1, room === crowded || room <= unreadRooms ? 10 : upTo, 1, 0]),
    );
    const columns = ['room_nid', 'thread_nid', 'position', 'notifications', 'highlights', 'highlight', 'actions_nid'];
    const events = (room: number, count: number): number[][] =>
      Array.from({ length: count }, (_, index) => [room, 0, 5 + index * 9, index + 1, 0, 0, 1]);
    for (const room of all.slice(0, rooms)) tx.insertMany('notifying_events', columns, events(room, eventsEach));
    tx.insertMany('notifying_events', columns, events(crowded, 100_000));
    tx.insertMany(
      'notified_users',
      ['user_nid', 'room_nid', 'position', 'thread_nid', 'notifications', 'highlights', 'unread', 'actions_nid'],
      all.slice(0, 200).map((room) => [userNid, room, 100, 0, 1, 1, 1, 1]),
    );
  });
  const read = async (roomNids: readonly number[]): Promise<number> => {
    const question = { userNid, roomNids, upTo };
    const [followed, exceptions] = await Promise.all([unreadFollowed(database, question), unreadExceptions(database, question)]);
    return followed.length + exceptions.length;
  };
  const rows = [
    { what: 'one room, 100,000 unread, from the database', ms: await time(50, () => read([crowded])) },
    { what: 'one room, nothing unread, from the database', ms: await time(50, () => read([rooms])) },
    {
      what: `${rooms} rooms, ${unreadRooms} with unread messages, from the database`,
      ms: await time(10, () => read(Array.from({ length: rooms }, (_, index) => index + 1))),
    },
    { what: 'one room, from memory', ms: await readFromMemory() },
  ];
  await database.close();
  return rows.map(({ what, ms }) => ({ what, µs: round(ms * 1_000) }));
}

async function readFromMemory(): Promise<number> {
  const database = await open('memory');
  const world: PushWorld = await openPushWorld(database);
  const [alice, bob] = [user('alice'), user('bob')];
  const room = await world.roomOf([alice, bob]);
  const last: StoredEvent[] = [];
  for (let sent = 0; sent < 10; sent++) last.push(await world.sends(room, says(alice, 'hello')));
  const bobNid = await world.names.idOf(bob);
  const ms = await time(5_000, () => world.unread.of(bobNid, [room.nid]));
  await database.close();
  return ms;
}

/** Milliseconds of CPU on this thread for one round. */
async function time(rounds: number, work: () => Promise<unknown>): Promise<number> {
  await work();
  const before = process.threadCpuUsage();
  for (let round = 0; round < rounds; round++) await work();
  const { user: inUser, system } = process.threadCpuUsage(before);
  return (inUser + system) / 1_000 / rounds;
}

/** What the tables of unread counts and their indexes take on disk. */
async function pushBytes(database: Database): Promise<number> {
  const row = await database.get<{ bytes: number }>(
    sqlText(`SELECT SUM(s.pgsize) AS bytes FROM dbstat s JOIN sqlite_schema t ON t.name = s.name WHERE t.tbl_name IN
      ('notifying_events', 'retracted_notifications', 'notifying_threads', 'unread_rooms', 'unread_spans', 'read_threads', 'notified_users')`),
  );
  return row?.bytes ?? 0;
}

function open(name: string): Promise<Database> {
  return openDatabase({ kind: 'sqlite', path: join(directory, `${name}.db`), synchronous: 'off' }, migrations);
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
