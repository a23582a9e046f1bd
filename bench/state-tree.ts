/**
 * What the state tree costs: bytes on disk for a state change by size of the room, the time of a change, of comparing two states and
 * of loading a room's whole state. Run: `node bench/state-tree.ts` (about ten seconds, SQLite in a temporary folder).
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { migrations } from '@myelin/server/migrations';
import { CacheBudget } from '@myelin/server/platform/cache';
import { openDatabase, type Database } from '@myelin/server/platform/database';
import {
  createNodeCache,
  emptyState,
  openStateTree,
  type StateChange,
  type StateRoot,
  type StateTree,
} from '@myelin/server/rooms/state';

import { createSeededRandom } from '../packages/server/src/platform/random.ts';

const memberType = 2;
const changesMeasured = 8_000;
const random = createSeededRandom(42);
const directory = mkdtempSync(join(tmpdir(), 'myelin-bench-'));
// A server with some history: 60 million events, two million users.
let nextEvent = 60_000_000;
const userNumbers = 2_000_000;

try {
  const rows: Record<string, string>[] = [];
  for (const members of [10, 100, 1_000, 10_000, 50_000]) rows.push(await measureSize(members));
  console.table(rows);
  console.table([await measureTimes(50_000)]);
} finally {
  rmSync(directory, { recursive: true });
}

/** Many changes of random members, each with a state of its own that stays. */
async function measureSize(members: number): Promise<Record<string, string>> {
  const path = join(directory, `${members}.db`);
  const rooms = Math.max(1, Math.round(200 / members));
  let { database, tree } = await open(path);
  const roots: StateRoot[] = [];
  const users: number[][] = [];
  for (let room = 0; room < rooms; room++) {
    users.push(Array.from({ length: members }, () => random.integer(10, userNumbers)));
    roots.push(await write(database, tree, room, emptyState, newRoom(users[room] as number[])));
  }
  await database.close();
  const before = statSync(path).size;

  ({ database, tree } = await open(path));
  for (let room = 0; room < rooms; room++) await tree.entries(room, roots[room] as StateRoot);
  let elapsed = 0;
  let nodes = 0;
  for (let done = 0; done < changesMeasured; done += 100) {
    await database.write((tx) => {
      for (let count = 0; count < 100; count++) {
        const room = random.integer(0, rooms);
        const stateKey = (users[room] as number[])[random.integer(0, members)] as number;
        const start = performance.now();
        const built = tree.apply(room, roots[room] as StateRoot, [{ type: memberType, stateKey, event: nextEvent++ }]);
        elapsed += performance.now() - start;
        if (built instanceof Promise) throw new Error('the nodes of a change should be at hand');
        nodes += built.made.size;
        built.writeTo(tx);
        roots[room] = built.root;
      }
    });
  }
  await database.close();
  const bytes = (statSync(path).size - before) / changesMeasured;
  return {
    members: members.toLocaleString('en'),
    'bytes on disk a change': bytes.toFixed(0),
    'nodes a change': (nodes / changesMeasured).toFixed(2),
    'µs to apply': ((1000 * elapsed) / changesMeasured).toFixed(1),
  };
}

async function measureTimes(members: number): Promise<Record<string, string>> {
  const path = join(directory, 'times.db');
  const users = Array.from({ length: members }, () => random.integer(10, userNumbers));
  let { database, tree } = await open(path);
  const building = performance.now();
  const before = await write(database, tree, 1, emptyState, newRoom(users));
  const built = performance.now() - building;
  const ten = users.slice(0, 10).map((stateKey) => ({ type: memberType, stateKey, event: nextEvent++ }));
  const after = await write(database, tree, 1, before, ten);
  await database.close();

  ({ database, tree } = await open(path));
  const coldDiff = await timed(() => tree.diff(1, before, after));
  const warmDiff = await timed(() => tree.diff(1, before, after));
  await database.close();
  ({ database, tree } = await open(path));
  const coldOthers = await timed(() => tree.entries(1, after, 'others'));
  const coldLoad = await timed(() => tree.entries(1, after));
  const warmLoad = await timed(() => tree.entries(1, after));
  await database.close();
  return {
    members: members.toLocaleString('en'),
    'build and store': `${built.toFixed(0)} ms`,
    'diff of 10, cold': `${coldDiff.toFixed(2)} ms`,
    'diff of 10, warm': `${warmDiff.toFixed(3)} ms`,
    'all but members, cold': `${coldOthers.toFixed(2)} ms`,
    'whole state, cold': `${coldLoad.toFixed(0)} ms`,
    'whole state, warm': `${warmLoad.toFixed(0)} ms`,
  };
}

async function open(path: string): Promise<{ database: Database; tree: StateTree }> {
  const database = await openDatabase({ kind: 'sqlite', path }, migrations);
  const cache = createNodeCache(new CacheBudget(100_000_000));
  return { database, tree: await openStateTree({ database, cache, random, memberType }) };
}

async function write(
  database: Database,
  tree: StateTree,
  room: number,
  from: StateRoot,
  changes: StateChange[],
): Promise<StateRoot> {
  const built = await tree.apply(room, from, changes);
  await database.write((tx) => built.writeTo(tx));
  return built.root;
}

/** The usual dozen of events that say what the room is, and its members, who came one by one. */
function newRoom(users: readonly number[]): StateChange[] {
  const settings = Array.from({ length: 12 }, (_, type) => ({ type: 10 + type, stateKey: 1, event: nextEvent++ }));
  const members = users.map((stateKey) => ({ type: memberType, stateKey, event: (nextEvent += random.integer(1, 100)) }));
  return [...settings, ...members];
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
