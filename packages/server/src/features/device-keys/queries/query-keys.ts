import { tooLarge } from '@myelin/protocol/errors';
import type { Json, JsonObject } from '@myelin/protocol/events';
import { domainOf, type DeviceId, isServerName, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import { type Signatures, withSignature } from '@myelin/protocol/signatures';

import type { Config } from '../../../config/index.ts';
import type { Database, Interner } from '../../../platform/database/index.ts';
import { limitUnknownServers, type UnknownServersNeeds } from '../../../remote-servers/index.ts';
import type { Failures } from '../ask-servers.ts';
import { readSignaturesBy, type UserSignature } from '../cross-signing/cross-signing.store.ts';
import type { CrossSigningKeys, DeviceKeys, KeyOwner } from '../device-keys.ts';
import { parsedKeys, signaturesIn } from '../identity/check-device-keys.ts';
import type { PublishedDevice } from '../identity/device-keys.store.ts';
import { inRoomsWith } from './shared-rooms.store.ts';

/** Users, each with the devices that are wanted; an empty list means all. */
export type WantedDevices = ReadonlyMap<UserId, readonly DeviceId[]>;

/** What other servers have told of their users' keys. Users of whom they know nothing are missing. */
export interface RemoteKeys {
  readonly devices: ReadonlyMap<UserId, Readonly<Record<string, JsonObject>>>;
  readonly master: ReadonlyMap<UserId, JsonObject>;
  readonly selfSigning: ReadonlyMap<UserId, JsonObject>;
  readonly failures: Failures;
}

/** Knows the keys of other servers' users, or asks for them. */
export interface RemoteDeviceLists {
  keysOf(wanted: WantedDevices, options: { readonly timeoutMs: number }): Promise<RemoteKeys>;
}

export interface QueryNeeds extends Pick<UnknownServersNeeds, 'limiters'> {
  readonly config: Pick<Config, 'experimental_features'>;
  readonly database: Database;
  readonly names: Interner;
  readonly serverName: ServerName;
  readonly published: Pick<DeviceKeys, 'devicesOf' | 'crossSigningOf'>;
  readonly remoteLists: RemoteDeviceLists;
}

/** As many as the largest rooms have: an answer about them is some 150 MB, and more would be too much for memory. */
export const mostUsersOfQuery = 50_000;

/** The members of an answer: for each user JSON, as pieces of text. */
interface KeysAnswer {
  readonly devices: string[];
  readonly master: string[];
  readonly selfSigning: string[];
  readonly userSigning: string[];
}

/**
 * The keys of users as one of ours may see them, as JSON in pieces. Our own users' keys go from the database to the answer as text.
 * Where the operator has it so, users with whom the viewer is in no room are missing, whether they exist or not
 * (https://github.com/matrix-org/matrix-spec-proposals/pull/4263).
 * Throws M_LIMIT_EXCEEDED for too many servers that are unknown here, M_TOO_LARGE.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
 */
export async function queryKeys(
  needs: QueryNeeds,
  viewer: KeyOwner,
  wanted: WantedDevices,
  timeoutMs: number,
): Promise<string[]> {
  checkSize(wanted);
  const { local, remote } = sortedByHome(await allowedOf(needs, viewer, wanted), needs.serverName);
  await limitUnknownServers(needs, viewer.userId, remote.keys());
  const [answer, fromElsewhere, signed] = await Promise.all([
    localKeys(needs, local, { viewerNid: viewer.userNid, withNames: true }),
    remote.size === 0 ? undefined : needs.remoteLists.keysOf(remote, { timeoutMs }),
    signedBy(needs, viewer),
  ]);
  const parts = answer.parts(signed, viewer);
  if (fromElsewhere) addRemote(parts, fromElsewhere, signed, viewer);
  return [
    `{"failures":${JSON.stringify(fromElsewhere?.failures ?? {})},"device_keys":{`,
    ...joined(parts.devices),
    '},"master_keys":{',
    ...joined(parts.master),
    '},"self_signing_keys":{',
    ...joined(parts.selfSigning),
    '},"user_signing_keys":{',
    ...joined(parts.userSigning),
    '}}',
  ];
}

/**
 * The keys of users of this server as another server may see them, as JSON in pieces.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery
 */
export async function keysForServer(
  needs: Omit<QueryNeeds, 'remoteLists'>,
  wanted: WantedDevices,
  { withNames }: { readonly withNames: boolean },
): Promise<string[]> {
  checkSize(wanted);
  const { local } = sortedByHome(wanted, needs.serverName);
  const parts = (await localKeys(needs, local, { withNames })).parts(new Map(), undefined);
  return [
    '{"device_keys":{',
    ...joined(parts.devices),
    '},"master_keys":{',
    ...joined(parts.master),
    '},"self_signing_keys":{',
    ...joined(parts.selfSigning),
    '}}',
  ];
}

function checkSize(wanted: WantedDevices): void {
  if (wanted.size > mostUsersOfQuery) throw tooLarge(`A query has at most ${mostUsersOfQuery} users`);
}

async function allowedOf(
  { config, database, names }: Pick<QueryNeeds, 'config' | 'database' | 'names'>,
  viewer: KeyOwner,
  wanted: WantedDevices,
): Promise<WantedDevices> {
  if (!config.experimental_features.msc4263_limit_key_queries_to_users_who_share_rooms) return wanted;
  const nids = await names.knownIdsOf(wanted.keys());
  const allowed = (await inRoomsWith(database, viewer.userNid, [...nids.values()])).add(viewer.userNid);
  return new Map([...wanted].filter(([userId]) => allowed.has(nids.get(userId) ?? 0)));
}

function sortedByHome(
  wanted: WantedDevices,
  serverName: ServerName,
): Record<'local' | 'remote', Map<UserId, readonly DeviceId[]>> {
  const [local, remote] = [new Map<UserId, readonly DeviceId[]>(), new Map<UserId, readonly DeviceId[]>()];
  for (const [userId, deviceIds] of wanted) {
    const server = domainOf(userId);
    if (server === serverName) local.set(userId, deviceIds);
    else if (isServerName(server)) remote.set(userId, deviceIds);
  }
  return { local, remote };
}

interface LocalKeys {
  parts(signed: ReadonlyMap<string, readonly UserSignature[]>, viewer: KeyOwner | undefined): KeysAnswer;
}

async function localKeys(
  { names, published }: Omit<QueryNeeds, 'remoteLists'>,
  wanted: WantedDevices,
  { viewerNid, withNames }: { readonly viewerNid?: number; readonly withNames: boolean },
): Promise<LocalKeys> {
  const nids = await names.knownIdsOf(wanted.keys());
  const [devices, crossSigning] = await Promise.all([
    published.devicesOf([...nids.values()]),
    published.crossSigningOf([...nids.values()], viewerNid),
  ]);
  return {
    parts(signed, viewer) {
      const answer: KeysAnswer = { devices: [], master: [], selfSigning: [], userSigning: [] };
      for (const [userId, deviceIds] of wanted) {
        const name = `${JSON.stringify(userId)}:`;
        const nid = nids.get(userId) ?? 0;
        // Of whom nothing stands there, clients would keep the devices that they know.
        answer.devices.push(`${name}{${devicesJson(devices.get(nid) ?? [], deviceIds, withNames)}}`);
        addCrossSigning(answer, name, crossSigning.get(nid), signed.get(userId), viewer);
      }
      return answer;
    },
  };
}

function addCrossSigning(
  answer: KeysAnswer,
  name: string,
  keys: CrossSigningKeys | undefined,
  signed: readonly UserSignature[] | undefined,
  viewer: KeyOwner | undefined,
): void {
  if (!keys) return;
  if (keys.master !== undefined) {
    answer.master.push(name + (signed && viewer ? withSignaturesOf(viewer, signed, keys.master) : keys.master));
  }
  if (keys.selfSigning !== undefined) answer.selfSigning.push(name + keys.selfSigning);
  if (keys.userSigning !== undefined) answer.userSigning.push(name + keys.userSigning);
}

function devicesJson(devices: readonly PublishedDevice[], wanted: readonly DeviceId[], withNames: boolean): string {
  const only = wanted.length === 0 ? undefined : new Set(wanted);
  return devices
    .filter(({ deviceId }) => !only || only.has(deviceId))
    .map((device) => `${JSON.stringify(device.deviceId)}:${deviceJson(device, withNames)}`)
    .join(',');
}

/** The keys of a device with what this server adds. They are an object that is not empty. */
function deviceJson({ keys, displayName }: PublishedDevice, withNames: boolean): string {
  if (!withNames || displayName === undefined) return keys;
  return `${keys.slice(0, -1)},"unsigned":${JSON.stringify({ device_display_name: displayName })}}`;
}

function addRemote(
  answer: KeysAnswer,
  remote: RemoteKeys,
  signed: ReadonlyMap<string, readonly UserSignature[]>,
  viewer: KeyOwner,
): void {
  for (const [userId, devices] of remote.devices) answer.devices.push(`${JSON.stringify(userId)}:${JSON.stringify(devices)}`);
  for (const [userId, key] of remote.master) {
    const json = JSON.stringify(key);
    const made = signed.get(userId);
    answer.master.push(`${JSON.stringify(userId)}:${made ? withSignaturesOf(viewer, made, json) : json}`);
  }
  for (const [userId, key] of remote.selfSigning) {
    answer.selfSigning.push(`${JSON.stringify(userId)}:${JSON.stringify(key)}`);
  }
}

/** What the viewer has signed of others, by whom it is about. */
async function signedBy(
  { database, names }: Pick<QueryNeeds, 'database' | 'names'>,
  viewer: KeyOwner,
): Promise<ReadonlyMap<string, readonly UserSignature[]>> {
  const all = await readSignaturesBy(database, viewer.userNid);
  if (all.length === 0) return new Map();
  const texts = await names.textsOf(new Set(all.map(({ targetNid }) => targetNid)));
  return Map.groupBy(all, ({ targetNid }) => texts.get(targetNid) ?? '');
}

/** A master key with what the viewer has signed of it. */
function withSignaturesOf(viewer: KeyOwner, made: readonly UserSignature[], masterJson: string): string {
  const key = parsedKeys(masterJson);
  let signatures: Signatures = signaturesIn(key);
  const publicKeys = Object.values((key['keys'] ?? {}) as Record<string, Json>);
  for (const { targetKey, signerKeyId, signature } of made) {
    if (publicKeys.includes(targetKey)) signatures = withSignature(signatures, viewer.userId, signerKeyId, signature);
  }
  return JSON.stringify({ ...key, signatures });
}

/** JSON members with commas between them; no text as long as all of them is made. */
function joined(members: readonly string[]): string[] {
  return members.map((member, index) => (index === 0 ? member : `,${member}`));
}
