/**
 * What changes of device lists cost: a user with 200 devices whom 500 servers follow, and rooms of 1,000 and 10,000 members of which each
 * changes a device, ours and other servers'. Through the feature itself, on SQLite, durable, in one process.
 * Run: `node scripts/run.mjs bench/device-lists.ts` (about a minute).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DeviceId, ServerName, UserId } from '@myelin/protocol/identifiers';
import { migrations } from '@myelin/server/migrations';
import { openDatabase, sql, type Database } from '@myelin/server/platform/database';
import type { RoomIdentity, Viewer } from '@myelin/server/rooms';

import type { PublishedDevice } from '../packages/server/src/features/device-keys/index.ts';
import { openDeviceLists } from '../packages/server/src/features/device-lists/device-lists.fixture.ts';
import type { DeviceListsFeature } from '../packages/server/src/features/device-lists/index.ts';
import { member, openHive, state, type Hive } from '../packages/server/src/features/hive.fixture.ts';
import { syncStreams, type SyncToken } from '../packages/server/src/platform/streams/index.ts';

const devices = 200;
const servers = 500;
const joinsInBatch = 250;
const elsewhere = 'elsewhere.example' as ServerName;

const opened: DeviceListsFeature[] = [];

console.table([await measureManyDevices()]);
console.table([await measureRoom(1_000), await measureRoom(10_000)]);

/** All of a user's devices change at once, and every server is told. */
async function measureManyDevices(): Promise<Record<string, string>> {
  return inHive(async (hive) => {
    const { alice } = hive.people;
    await hive.friendsInARoom();
    const names = Array.from({ length: servers }, (_, index) => `server${index}.example` as ServerName);
    const feature = await open(hive, {
      servers: names,
      keys: new Map([[alice.userNid, Array.from({ length: devices }, (_, index) => published(alice, index))]]),
    });
    const deviceIds = Array.from({ length: devices }, (_, index) => deviceId(index));
    const begin = performance.now();
    await hive.database.write((tx) => feature.lists.changed(tx, { user: alice, deviceIds, crossSigning: true }));
    const answered = performance.now();
    const outbox = feature.durableEdus;
    if (!outbox) throw new Error('there is no outbox');
    await until(async () => (await rows(hive.database, 'device_list_outbox')) === servers * (devices + 1));
    const spread = performance.now();
    let edus = 0;
    for (
      let next = await outbox.next(names[0] as ServerName, 100);
      next.edus.length > 0;
      next = await outbox.next(names[0] as ServerName, 100)
    ) {
      edus += next.edus.length;
      await next.delivered();
    }
    const told = performance.now();
    return {
      what: `${devices} devices change, ${servers} servers follow`,
      'change answered': ms(answered - begin),
      'waiting for all servers': ms(spread - answered),
      'rows a second': Math.round((1000 * servers * (devices + 1)) / (spread - answered)).toLocaleString('en'),
      [`${edus} EDUs to one server`]: ms(told - spread),
    };
  });
}

/** Each member changes a device: half of them are ours, half live elsewhere. */
async function measureRoom(members: number): Promise<Record<string, string | number>> {
  return inHive(async (hive) => {
    const { bob } = hive.people;
    const { room } = await hive.friendsInARoom(
      state(hive.people.alice, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' }),
    );
    const ours = await people(hive, members / 2, hive.serverName);
    const theirs = await people(hive, members / 2, elsewhere);
    await enter(hive, room, [...ours, ...theirs]);
    const feature = await open(hive, { servers: [elsewhere] });
    const [source] = feature.sync ?? [];
    const receive = feature.edus?.['m.device_list_update'];
    if (!source || !receive) throw new Error('a part is missing');
    const told = (since: SyncToken) =>
      source.changes({ ...hive.scope(bob, [room.nid]), since, upTo: now() }, since.device_lists, source.now());
    const now = (): SyncToken => ({ ...zero(), events: hive.rooms.stream.now, device_lists: source.now() });
    const before = now();

    const begin = performance.now();
    for (const who of ours) {
      await hive.database.write((tx) => feature.lists.changed(tx, { user: who, deviceIds: [deviceId(0)], crossSigning: false }));
    }
    await until(async () => (await rows(hive.database, 'device_list_news')) === 0);
    const changed = performance.now();
    const cpu = process.cpuUsage();
    for (const who of theirs) {
      const content = { user_id: who.userId, device_id: 'PHONE', stream_id: 2, prev_id: [1] };
      await receive({ type: 'm.device_list_update', content, origin: elsewhere });
    }
    const received = performance.now();
    await until(async () => (await rows(hive.database, 'device_list_news')) === 0);
    const { user, system } = process.cpuUsage(cpu);

    const nearlyAll = now();
    await hive.database.write((tx) => feature.lists.changed(tx, { user: bob, deviceIds: [deviceId(0)], crossSigning: false }));
    await until(async () => source.now() > nearlyAll.device_lists);
    const one = await timed(() => told(nearlyAll), 200);
    const all = await timed(() => told(before), 5);
    const entered = await timed(() => told({ ...zero(), device_lists: source.now() }), 3);
    return {
      members,
      'a change of ours': us((changed - begin) / ours.length),
      'an update of theirs': us((received - changed) / theirs.length),
      'its CPU': `${Math.round((user + system) / theirs.length)} µs`,
      'sync after one change': us(one),
      'sync after all changes': ms(all),
      'a member of it': us(all / members),
      'sync of who has entered': ms(entered),
    };
  });
}

async function inHive<T>(work: (hive: Hive) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'myelin-bench-'));
  const database = await openDatabase({ kind: 'sqlite', path: join(directory, 'lists.db') }, migrations);
  try {
    return await work(await openHive(database));
  } finally {
    for (const feature of opened.splice(0)) await feature.stop?.();
    await database.close();
    rmSync(directory, { recursive: true });
  }
}

async function open(hive: Hive, world: Parameters<typeof openDeviceLists>[1]): Promise<DeviceListsFeature> {
  const feature = await openDeviceLists(hive, world);
  opened.push(feature);
  return feature;
}

async function people(hive: Hive, count: number, server: ServerName): Promise<Viewer[]> {
  const ids = Array.from({ length: count }, (_, index) => `@member${index}:${server}` as UserId);
  const nids = await hive.names.idsOf(ids);
  return ids.map((userId) => ({ userId, userNid: nids.get(userId) ?? 0, isGuest: false }));
}

async function enter(hive: Hive, room: RoomIdentity, members: readonly Viewer[]): Promise<void> {
  for (let start = 0; start < members.length; start += joinsInBatch) {
    await hive.rooms.send(
      room,
      members.slice(start, start + joinsInBatch).map((who) => member(who, 'join')),
    );
  }
}

function published(who: Viewer, index: number): PublishedDevice {
  const id = deviceId(index);
  const text = 'k'.repeat(43);
  const keys = { [`curve25519:${id}`]: text, [`ed25519:${id}`]: text };
  const signatures = { [who.userId]: { [`ed25519:${id}`]: text + text, [`ed25519:${text}`]: text + text } };
  const algorithms = ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'];
  const json = JSON.stringify({ algorithms, device_id: id, keys, signatures, user_id: who.userId });
  return { userNid: who.userNid, deviceId: id, keys: json };
}

function deviceId(index: number): DeviceId {
  return `DEVICE${index}` as DeviceId;
}

function zero(): SyncToken {
  return Object.fromEntries(syncStreams.map((name) => [name, 0])) as SyncToken;
}

async function rows(database: Database, table: 'device_list_outbox' | 'device_list_news'): Promise<number> {
  const row =
    table === 'device_list_news'
      ? await database.get<{ count: number }>(sql`SELECT COUNT(*) AS count FROM device_list_news`)
      : await database.get<{ count: number }>(sql`SELECT COUNT(*) AS count FROM device_list_outbox`);
  return row?.count ?? 0;
}

async function until(enough: () => Promise<boolean>): Promise<void> {
  while (!(await enough())) await new Promise((resolve) => setTimeout(resolve, 2));
}

async function timed(work: () => Promise<unknown>, times: number): Promise<number> {
  await work();
  const begin = performance.now();
  for (let time = 0; time < times; time++) await work();
  return (performance.now() - begin) / times;
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

function us(milliseconds: number): string {
  return `${Math.round(milliseconds * 1000)} µs`;
}
