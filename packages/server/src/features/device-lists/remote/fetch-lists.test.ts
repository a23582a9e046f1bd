import assert from 'node:assert/strict';

import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { systemClock } from '../../../platform/clock.ts';
import { silentLogger } from '../../../platform/observability/index.ts';
import { createSeededRandom } from '../../../platform/random.ts';
import { Turns } from '../../../platform/turns.ts';
import type { RemoteServers } from '../../../remote-servers/index.ts';
import { openHive } from '../../hive.fixture.ts';
import { ListNews } from '../list-news.ts';
import { FetchLists } from './fetch-lists.ts';
import { followServers } from './follow-servers.ts';
import { follow, readRemoteDevices } from './remote-lists.store.ts';

const server = 'far.example' as ServerName;
const mallory = '@mallory:far.example' as UserId;

const listOf = (deviceId: string) => ({
  user_id: mallory,
  stream_id: 5,
  devices: [{ device_id: deviceId, keys: { user_id: mallory, device_id: deviceId, keys: { [`ed25519:${deviceId}`]: 'key' } } }],
});

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

forEachDatabase('fetching lists', ({ test }) => {
  test('what a server had begun to tell before it came by another key does not count', async ({ database }) => {
    const { names, notifier, rooms } = await openHive(database);
    const common = { database, names, notifier, rooms, clock: systemClock, random: createSeededRandom(1), logger: silentLogger };
    const [userNid, serverNid] = [await names.idOf(mallory), await names.idOf(server)];
    await database.write((tx) => follow(tx, [{ userNid, serverNid }]));
    const asked: ((list: object) => void)[] = [];
    const request = () => new Promise((resolve) => void asked.push(resolve));
    const fetch = new FetchLists({
      ...common,
      remote: { request: request as RemoteServers['request'] },
      news: await ListNews.open({ ...common, tellsNames: false }),
      turns: new Turns<UserId>(),
    });
    let comesByAnotherKey = async (_server: ServerName): Promise<void> => undefined;
    const keys = { onOtherKey: (hook: (server: ServerName) => Promise<void>) => void (comesByAnotherKey = hook) };
    followServers({ ...common, keys, health: { onSignOfLife: () => () => undefined }, fetch });

    const kept = async () => (await readRemoteDevices(database, [userNid])).get(userNid)?.map(({ deviceId }) => deviceId) ?? [];

    fetch.request(mallory);
    await until(() => asked.length === 1);
    await comesByAnotherKey(server);
    asked[0]?.(listOf('BEFORE'));
    await until(async () => asked.length === 2 || (await kept()).length > 0);
    asked[1]?.(listOf('AFTER'));
    await until(async () => (await kept()).length > 0);
    assert.deepEqual(await kept(), ['AFTER']);
    await fetch.stop();
  });
});
