import { tooLarge } from '@myelin/protocol/errors';
import type { Json } from '@myelin/protocol/events';
import { domainOf, type DeviceId, isServerName, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import { type Signatures, withSignature } from '@myelin/protocol/signatures';

import type { Config } from '../../../config/index.ts';
import type { Database } from '../../../platform/database/index.ts';
import { limitUnknownServers, type UnknownServersNeeds } from '../../../remote-servers/index.ts';
import type { Failures } from '../ask-servers.ts';
import { readSignaturesBy, type UserSignature } from '../cross-signing/cross-signing.store.ts';
import type { KeyOwner } from '../device-keys.ts';
import { parsedKeys, signaturesIn } from '../identity/check-device-keys.ts';
import { LocalKeys, type LocalKeysNeeds } from './local-keys.ts';
import { type RemoteKeysNeeds, remoteKeysInGroups } from './remote-keys.ts';
import { inRoomsWith } from './shared-rooms.store.ts';
import type { WantedDevices } from './wanted.ts';

export interface QueryNeeds extends LocalKeysNeeds, RemoteKeysNeeds, Pick<UnknownServersNeeds, 'limiters'> {
  readonly config: Pick<Config, 'experimental_features'>;
  readonly database: Database;
  readonly serverName: ServerName;
}

/** As many as the largest rooms have: an answer about them is some 150 MB, of which a third at most is in memory at once. */
export const mostUsersOfQuery = 50_000;

/** JSON in pieces, each made when it is read. What can be refused was refused before the first. */
export type JsonPieces = AsyncGenerator<string>;

/**
 * The keys of users as one of ours may see them. Our own users' keys go from the database to the answer as text. Where the operator has it
 * so, users with whom the viewer is in no room are missing, whether they exist or not
 * (https://github.com/matrix-org/matrix-spec-proposals/pull/4263). Throws M_LIMIT_EXCEEDED for too many servers that are unknown here,
 * M_TOO_LARGE.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
 */
export async function queryKeys(
  needs: QueryNeeds,
  viewer: KeyOwner,
  wanted: WantedDevices,
  timeoutMs: number,
): Promise<JsonPieces> {
  checkSize(wanted);
  const { local, remote } = sortedByHome(await allowedOf(needs, viewer, wanted), needs.serverName);
  await limitUnknownServers(needs, viewer.userId, remote.keys());
  const [keys, signed] = await Promise.all([LocalKeys.of(needs, local, viewer.userNid), signedBy(needs, viewer)]);
  const shown = (userId: UserId, master: string): string => {
    const made = signed.get(userId);
    return made ? withSignaturesOf(viewer, made, master) : master;
  };
  const elsewhere = new KeysFromElsewhere(needs, remote, timeoutMs, shown);
  return answerJson(keys, elsewhere, shown);
}

async function* answerJson(
  keys: LocalKeys,
  elsewhere: KeysFromElsewhere,
  shown: (userId: UserId, master: string) => string,
): JsonPieces {
  yield '{';
  yield* member('device_keys', elsewhere.devices(), keys.devices({ withNames: true }));
  yield ',';
  yield* member('master_keys', elsewhere.master, keys.crossSigning('master', shown));
  yield ',';
  yield* member('self_signing_keys', elsewhere.selfSigning, keys.crossSigning('selfSigning'));
  yield ',';
  yield* member('user_signing_keys', keys.crossSigning('userSigning'));
  yield `,"failures":${JSON.stringify(elsewhere.failures)}}`;
}

/**
 * The keys of users of this server as another server may see them. Throws M_TOO_LARGE.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery
 */
export async function keysForServer(
  needs: Omit<QueryNeeds, 'remoteLists'>,
  wanted: WantedDevices,
  { withNames }: { readonly withNames: boolean },
): Promise<JsonPieces> {
  checkSize(wanted);
  return answerForServer(await LocalKeys.of(needs, sortedByHome(wanted, needs.serverName).local), withNames);
}

async function* answerForServer(keys: LocalKeys, withNames: boolean): JsonPieces {
  yield '{';
  yield* member('device_keys', keys.devices({ withNames }));
  yield ',';
  yield* member('master_keys', keys.crossSigning('master'));
  yield ',';
  yield* member('self_signing_keys', keys.crossSigning('selfSigning'));
  yield '}';
}

/** An object in an answer. Its members come some at a time, as text. */
async function* member(
  name: string,
  ...sources: readonly (AsyncIterable<readonly string[]> | Iterable<readonly string[]>)[]
): JsonPieces {
  yield `"${name}":{`;
  let comma = '';
  for (const source of sources) {
    for await (const some of source) {
      if (some.length === 0) continue;
      yield comma + some.join();
      comma = ',';
    }
  }
  yield '}';
}

/** What other servers tell, as members of an answer. The devices go out as they come; only the cross-signing keys wait for their turn. */
class KeysFromElsewhere {
  readonly master: string[][] = [];
  readonly selfSigning: string[][] = [];
  readonly failures: Failures = {};
  readonly #needs: RemoteKeysNeeds;
  readonly #wanted: WantedDevices;
  readonly #timeoutMs: number;
  readonly #shown: (userId: UserId, master: string) => string;

  constructor(
    needs: RemoteKeysNeeds,
    wanted: WantedDevices,
    timeoutMs: number,
    shown: (userId: UserId, master: string) => string,
  ) {
    this.#needs = needs;
    this.#wanted = wanted;
    this.#timeoutMs = timeoutMs;
    this.#shown = shown;
  }

  /** When these have been read, all that is known of the rest is here. */
  async *devices(): AsyncGenerator<string[]> {
    for await (const told of remoteKeysInGroups(this.#needs, this.#wanted, this.#timeoutMs)) {
      yield Array.from(told.devices, ([userId, devices]) => `${JSON.stringify(userId)}:${JSON.stringify(devices)}`);
      this.master.push(
        Array.from(told.master, ([userId, key]) => `${JSON.stringify(userId)}:${this.#shown(userId, JSON.stringify(key))}`),
      );
      this.selfSigning.push(Array.from(told.selfSigning, ([userId, key]) => `${JSON.stringify(userId)}:${JSON.stringify(key)}`));
      Object.assign(this.failures, told.failures);
    }
  }
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
