import { own } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';

import { userOfServer, type EduHandler } from '../../../federation/edu.ts';
import type { Database, Interner, Tx } from '../../../platform/database/index.ts';
import type { Turns } from '../../../platform/turns.ts';
import type { ListNews } from '../list-news.ts';
import type { FetchLists } from './fetch-lists.ts';
import { identityOf, mostDevices, readCrossSigningKey, readUpdate, type DeviceUpdate } from './read-keys.ts';
import {
  knownToOurs,
  markStale,
  putCrossSigning,
  putDevice,
  readLists,
  readRemoteDevices,
  type FollowedList,
} from './remote-lists.store.ts';

export interface ReceiveUpdatesNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly ourServerNid: number;
  readonly news: ListNews;
  readonly fetch: FetchLists;
  readonly turns: Turns<UserId>;
}

/**
 * Takes what other servers tell of their users' devices and cross-signing keys, in the order in which it comes.
 * https://spec.matrix.org/v1.19/server-server-api/#device-management
 */
export function receiveListUpdates(needs: ReceiveUpdatesNeeds): Readonly<Record<string, EduHandler>> {
  const signingKeys: EduHandler = ({ content, origin }) =>
    inTurn(needs, userOfServer(own(content, 'user_id'), origin), (userId, list) =>
      signingKeyUpdate(needs, userId, list, content),
    );
  return {
    'm.device_list_update': ({ content, origin }) => {
      const userId = userOfServer(own(content, 'user_id'), origin);
      const update = userId && readUpdate(content, userId);
      return update && inTurn(needs, userId, (_userId, list) => deviceUpdate(needs, userId, list, update));
    },
    'm.signing_key_update': signingKeys,
    // From before it was in the specification (MSC1756).
    'org.matrix.signing_key_update': signingKeys,
  };
}

type ListState = FollowedList | { readonly userNid: number; readonly streamId: undefined };

/** Users whom none of ours meets are nobody's concern. */
async function inTurn(
  { database, names, ourServerNid, turns }: ReceiveUpdatesNeeds,
  userId: UserId | undefined,
  work: (userId: UserId, list: ListState) => Promise<void>,
): Promise<void> {
  if (userId === undefined) return;
  await turns.take(userId, async () => {
    const userNid = await names.knownIdOf(userId);
    if (userNid === undefined || !(await knownToOurs(database, [userNid], ourServerNid)).has(userNid)) return;
    await work(userId, (await readLists(database, [userNid])).get(userNid) ?? { userNid, streamId: undefined });
  });
}

async function deviceUpdate(needs: ReceiveUpdatesNeeds, userId: UserId, list: ListState, update: DeviceUpdate): Promise<void> {
  const { streamId, deviceId, device } = update;
  if (list.streamId === undefined || list.stale) return onlyTell(needs, userId, list, streamId);
  // It has been here before, or the list was fetched since.
  if (streamId <= list.streamId) return;
  if (update.isOdd || isGap(update, list.streamId) || (await isSuspicious(needs, list, update))) {
    await tell(needs, list, (tx) => markStale(tx, list.userNid));
    needs.fetch.heard(userId, streamId);
    needs.fetch.request(userId);
    return;
  }
  await tell(needs, list, (tx) => putDevice(tx, list.userNid, streamId, device ?? { deviceId }));
}

async function signingKeyUpdate(needs: ReceiveUpdatesNeeds, userId: UserId, list: ListState, content: JsonObject): Promise<void> {
  if (list.streamId === undefined || list.stale) return onlyTell(needs, userId, list, undefined);
  const master = readCrossSigningKey(own(content, 'master_key'), userId, 'master');
  const selfSigning = readCrossSigningKey(own(content, 'self_signing_key'), userId, 'self_signing');
  if (master === undefined && selfSigning === undefined) return;
  if ((master ?? list.master) === list.master && (selfSigning ?? list.selfSigning) === list.selfSigning) return;
  await tell(needs, list, (tx) => putCrossSigning(tx, list.userNid, { master, selfSigning }));
}

/**
 * Of a list that nobody has asked for, or that is to be fetched anyway, only this is kept: that it has changed. Whoever wants to know
 * asks, and gets it from its server.
 */
async function onlyTell(
  needs: ReceiveUpdatesNeeds,
  userId: UserId,
  list: ListState,
  streamId: number | undefined,
): Promise<void> {
  needs.fetch.heard(userId, streamId);
  await tell(needs, list, () => undefined);
  // A server that says something may have an answer, too.
  if (list.streamId !== undefined) needs.fetch.request(userId);
}

function tell({ database, news }: ReceiveUpdatesNeeds, { userNid }: ListState, write: (tx: Tx) => void): Promise<void> {
  return database.write((tx) => {
    write(tx);
    news.note(tx, { userNid, deviceId: '', kind: 'remote' });
  });
}

/**
 * Whether an update follows one that is not in the list. Some servers name none before it and want the list to be fetched; for the first
 * update of all there is none.
 */
function isGap({ prevIds }: DeviceUpdate, known: number): boolean {
  return prevIds.length === 0 ? known > 0 : prevIds.some((prev) => prev > known);
}

/** A device does not change who it is, and nobody has that many of them. */
async function isSuspicious(
  { database }: ReceiveUpdatesNeeds,
  { userNid }: ListState,
  { device }: DeviceUpdate,
): Promise<boolean> {
  if (!device) return false;
  const devices = (await readRemoteDevices(database, [userNid])).get(userNid) ?? [];
  const before = devices.find(({ deviceId }) => deviceId === device.deviceId);
  return before ? identityOf(before.keys) !== identityOf(device.keys) : devices.length >= mostDevices;
}
