import * as federation from '@myelin/protocol/api/federation';
import { isJsonObject, own, setOwn } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, type DeviceId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../../platform/clock.ts';
import type { Database, Interner } from '../../../platform/database/index.ts';
import type { RemoteServers } from '../../../remote-servers/index.ts';
import { askServers, type RemoteDeviceLists, type RemoteKeys, type WantedDevices } from '../../device-keys/index.ts';
import type { FetchLists } from './fetch-lists.ts';
import { mostDevices, readCrossSigningKey, readDevice, type RemoteDevice } from './read-keys.ts';
import { follow, knownToOurs, readLists, readRemoteDevices, type FollowedList } from './remote-lists.store.ts';

export interface KeysOfRemoteNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly ourServerNid: number;
  readonly remote: Pick<RemoteServers, 'request'>;
  readonly fetch: FetchLists;
}

const maxAnswerBytes = 64 * 1024 * 1024;

interface Found {
  readonly devices: Map<UserId, Record<string, JsonObject>>;
  readonly master: Map<UserId, JsonObject>;
  readonly selfSigning: Map<UserId, JsonObject>;
}

/**
 * The keys of other servers' users: from here while their lists are followed, that is, while they share a room with one of ours; from
 * their servers otherwise. Who shares a room is followed from the first question on.
 */
export function keysOfRemoteUsers(needs: KeysOfRemoteNeeds): RemoteDeviceLists {
  const { database, names, clock } = needs;
  return {
    async keysOf(wanted, { timeoutMs }): Promise<RemoteKeys> {
      const found: Found = { devices: new Map(), master: new Map(), selfSigning: new Map() };
      const nids = (await names.knownIdsOf(wanted.keys())) as Map<UserId, number>;
      const lists = await readLists(database, [...nids.values()]);
      const listOf = (userId: UserId): FollowedList | undefined => lists.get(nids.get(userId) ?? 0);
      const kept = new Map<UserId, FollowedList>();
      const asked: UserId[] = [];
      for (const userId of wanted.keys()) {
        const list = listOf(userId);
        if (list && !list.stale && !list.doubtful) kept.set(userId, list);
        else asked.push(userId);
      }
      await addKept(needs, found, wanted, kept);
      if (asked.length === 0) return { ...found, failures: {} };
      await followThose(needs, asked, nids, lists);
      const byServer = Map.groupBy(asked, (userId) => domainOf(userId));
      const failures = await askServers(byServer.keys(), { timeoutMs, now: () => clock.monotonic() }, (server, leftMs) =>
        askServer(
          needs,
          found,
          server,
          new Map((byServer.get(server) ?? []).map((userId) => [userId, wanted.get(userId) ?? []])),
          leftMs,
        ),
      );
      // What is here may be old, and that the server did not answer is told; it is better than nothing. One that answers may tell all.
      const old = new Map<UserId, FollowedList>();
      for (const userId of asked) {
        const list = listOf(userId);
        if (!list) continue;
        if (!Object.hasOwn(failures, domainOf(userId))) needs.fetch.request(userId);
        else if (list.streamId >= 0) old.set(userId, list);
      }
      await addKept(needs, found, wanted, old);
      return { ...found, failures };
    },
  };
}

async function addKept(
  { database }: KeysOfRemoteNeeds,
  found: Found,
  wanted: WantedDevices,
  lists: ReadonlyMap<UserId, FollowedList>,
): Promise<void> {
  if (lists.size === 0) return;
  const devices = await readRemoteDevices(
    database,
    Array.from(lists.values(), ({ userNid }) => userNid),
  );
  for (const [userId, { userNid, master, selfSigning }] of lists) {
    addDevices(found, userId, wanted.get(userId) ?? [], devices.get(userNid) ?? []);
    if (master !== undefined) found.master.set(userId, JSON.parse(master) as JsonObject);
    if (selfSigning !== undefined) found.selfSigning.set(userId, JSON.parse(selfSigning) as JsonObject);
  }
}

/** From now on their servers' updates are kept. */
async function followThose(
  { database, names, ourServerNid, fetch }: KeysOfRemoteNeeds,
  asked: readonly UserId[],
  nids: ReadonlyMap<UserId, number>,
  lists: ReadonlyMap<number, FollowedList>,
): Promise<void> {
  const unknown = new Map<number, UserId>();
  for (const userId of asked) {
    const userNid = nids.get(userId);
    if (userNid !== undefined && !lists.has(userNid)) unknown.set(userNid, userId);
  }
  const known = await knownToOurs(database, [...unknown.keys()], ourServerNid);
  if (known.size === 0) return;
  const users = [...unknown].filter(([userNid]) => known.has(userNid));
  const servers = await names.idsOf(users.map(([, userId]) => domainOf(userId)));
  await database.write((tx) =>
    follow(
      tx,
      users.map(([userNid, userId]) => ({ userNid, serverNid: servers.get(domainOf(userId)) ?? 0 })),
    ),
  );
  for (const [, userId] of users) fetch.request(userId);
}

/** https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery */
async function askServer(
  { remote }: KeysOfRemoteNeeds,
  found: Found,
  server: ServerName,
  wanted: WantedDevices,
  timeoutMs: number,
): Promise<void> {
  const body = { device_keys: Object.fromEntries(wanted) as { [user in UserId]?: DeviceId[] } };
  const bounds = { timeoutMs, maxBytes: maxAnswerBytes };
  const answer = await remote.request(server, federation.queryUserEncryptionKeys, { body }, bounds);
  // A server speaks for the users that it was asked for, and for no others.
  for (const [userId, deviceIds] of wanted) {
    const told = own(answer.device_keys, userId);
    const devices: RemoteDevice[] = [];
    for (const [deviceId, keys] of isJsonObject(told) ? Object.entries(told) : []) {
      const device = readDevice(keys, userId, deviceId, undefined);
      if (device && devices.length < mostDevices) devices.push(device);
    }
    // That a user has no device any more is an answer too: clients forget those that they know.
    if (isJsonObject(told)) addDevices(found, userId, deviceIds, devices);
    addKey(found.master, userId, readCrossSigningKey(own(answer.master_keys ?? {}, userId), userId, 'master'));
    addKey(found.selfSigning, userId, readCrossSigningKey(own(answer.self_signing_keys ?? {}, userId), userId, 'self_signing'));
  }
}

function addKey(keys: Map<UserId, JsonObject>, userId: UserId, json: string | undefined): void {
  if (json !== undefined) keys.set(userId, JSON.parse(json) as JsonObject);
}

function addDevices(found: Found, userId: UserId, wanted: readonly DeviceId[], devices: readonly RemoteDevice[]): void {
  const only = wanted.length === 0 ? undefined : new Set(wanted);
  const named: Record<string, JsonObject> = {};
  for (const { deviceId, keys, displayName } of devices) {
    if (only && !only.has(deviceId)) continue;
    const unsigned = displayName === undefined ? {} : { unsigned: { device_display_name: displayName } };
    setOwn(named, deviceId, { ...(JSON.parse(keys) as JsonObject), ...unsigned });
  }
  found.devices.set(userId, named);
}
