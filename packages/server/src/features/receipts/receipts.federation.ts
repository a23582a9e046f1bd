import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import type { Json, JsonObject } from '@myelin/protocol/events';
import { domainOf, isEventId, type ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import { roomOfEdu, userOfServer, type EduHandler, type OutgoingEdus } from '../../federation/edu.ts';
import type { Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import type { Receipt } from './receipt.ts';
import type { Receipts } from './receipts.ts';

export interface ReceiptFederationNeeds {
  readonly config: Pick<Config, 'federation_rr_transactions_per_room_per_second'>;
  readonly rooms: Rooms;
  readonly names: Interner;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly outgoingEdus: OutgoingEdus;
}

/** Receipts that one EDU may bring; more come from nobody who means well. */
const mostReceipts = 1000;

/**
 * Takes `m.receipt` of other servers: for users of theirs who are in the room.
 * https://spec.matrix.org/v1.19/server-server-api/#receipts
 */
export function receiveReceipts(
  { rooms, names }: Pick<ReceiptFederationNeeds, 'rooms' | 'names'>,
  receipts: Receipts,
): EduHandler {
  return async ({ content, origin }) => {
    let left = mostReceipts;
    for (const [roomId, types] of Object.entries(content)) {
      const byUser = isJsonObject(types) ? own(types, 'm.read') : undefined;
      const room = isJsonObject(byUser) && (await roomOfEdu(rooms, roomId, origin));
      if (!room || !isJsonObject(byUser)) continue;
      // Of a room whose members are on their way here, the server's word must do.
      const isSaidToBeIn = rooms.partial.serversOf(room.nid).has(origin);
      for (const [user, given] of Object.entries(byUser)) {
        if (left-- <= 0) return;
        const userId = userOfServer(user, origin);
        const receipt = readReceipt(given);
        const userNid = userId === undefined || !receipt ? undefined : await names.knownIdOf(userId);
        if (userId === undefined || userNid === undefined || !receipt) continue;
        if (!isSaidToBeIn && !(await rooms.memberships.isJoined(userNid, room.nid))) continue;
        await receipts.receive({ roomNid: room.nid, userNid, userId, ...receipt });
      }
    }
  };
}

/** Tells the servers of a room up to where our users have read it; private receipts stay here. */
export function sendReceipts(needs: ReceiptFederationNeeds, receipts: Receipts): void {
  const { config, rooms, logger, serverName, outgoingEdus } = needs;
  const send = async ({ roomNid, userId, eventId, threadId, ts }: Receipt): Promise<void> => {
    const { roomId } = await rooms.ids.byNid(roomNid);
    const data = threadId === undefined ? { ts } : { ts, thread_id: threadId };
    await outgoingEdus.toRoom(
      roomNid,
      { type: 'm.receipt', content: { [roomId]: { 'm.read': { [userId]: { event_ids: [eventId], data } } } } },
      {
        key: `${roomId} ${userId} ${threadId ?? ''}`,
        merge: mergeReceipts,
        transactionsASecond: config.federation_rr_transactions_per_room_per_second,
      },
    );
  };
  receipts.onReceipt((receipt) => {
    if (receipt.type !== 'm.read' || domainOf(receipt.userId) !== serverName) return;
    send(receipt).catch((error: unknown) => logger.warn({ err: error }, 'a receipt is not told elsewhere'));
  });
}

/**
 * Receipts of several users and rooms as one content. A user has only one place in a room's part, so receipts for several threads stay
 * apart. https://spec.matrix.org/v1.19/server-server-api/#receipts
 */
export function mergeReceipts(one: JsonObject, other: JsonObject): JsonObject | undefined {
  const merged = { ...one };
  for (const [roomId, types] of Object.entries(other)) {
    const present = usersIn(own(one, roomId));
    const added = usersIn(types);
    if (Object.keys(added).some((userId) => Object.hasOwn(present, userId))) return undefined;
    merged[roomId] = { 'm.read': { ...present, ...added } };
  }
  return merged;
}

function usersIn(types: Json | undefined): JsonObject {
  const users = isJsonObject(types) ? own(types, 'm.read') : undefined;
  return isJsonObject(users) ? users : {};
}

function readReceipt(given: unknown): Pick<Receipt, 'eventId' | 'ts' | 'threadId'> | undefined {
  if (!isJsonObject(given)) return undefined;
  const [ids, data] = [own(given, 'event_ids'), own(given, 'data')];
  const eventId: unknown = Array.isArray(ids) ? ids[0] : undefined;
  const ts = isJsonObject(data) ? own(data, 'ts') : undefined;
  const thread = isJsonObject(data) ? own(data, 'thread_id') : undefined;
  if (typeof eventId !== 'string' || !isEventId(eventId) || !eventId.isWellFormed()) return undefined;
  if (typeof ts !== 'number' || !Number.isSafeInteger(ts)) return undefined;
  if (thread === undefined) return { eventId, ts, threadId: undefined };
  const isThread = typeof thread === 'string' && (thread === 'main' || (isEventId(thread) && thread.isWellFormed()));
  return isThread ? { eventId, ts, threadId: thread } : undefined;
}
