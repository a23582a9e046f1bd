import { isJsonObject } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, isCompliantUserId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { RoomIdentity, Rooms } from '../rooms/index.ts';
import { mayTakePart } from './server-acls.ts';

/** An ephemeral message between servers; https://spec.matrix.org/v1.19/server-server-api/#edus */
export interface Edu {
  readonly type: string;
  readonly content: JsonObject;
}

/** One that has come in, from the server that signed the transaction. */
export interface IncomingEdu extends Edu {
  readonly origin: ServerName;
}

/**
 * Takes EDUs of one type. Nothing in the content has been checked: it must be held against the origin, which may speak for its own users
 * only. What is not as it should be is passed over; nothing but a defect may throw. Resolves when what must not be lost is durable: the
 * answer to the other server waits for it.
 */
export type EduHandler = (edu: IncomingEdu) => void | Promise<void>;

/** How an EDU is to be sent. */
export interface EduOptions {
  /** An EDU takes the place of one with the same key that has not left yet. Without a key nothing replaces it. */
  readonly key?: string;
  /** May wait so long for company, in milliseconds; 0 unless given. It leaves earlier with whatever else goes there. */
  readonly patienceMs?: number;
  /**
   * For `toRoom`: how many transactions a second the room's servers may get together for such EDUs; the more servers, the longer each EDU
   * waits for company.
   */
  readonly transactionsASecond?: number;
  /** After so long it is of no use any more, in milliseconds; without it, it waits as long as its place is not needed. */
  readonly usefulMs?: number;
  /** How two that leave together become one; EDUs of one type must be given the same function. */
  readonly merge?: MergeEdus;
}

/** The content that says what two say; undefined where they cannot be said in one. */
export type MergeEdus = (one: JsonObject, other: JsonObject) => JsonObject | undefined;

/**
 * Sends EDUs that may be lost: they live in memory, few for each server, and never hold up events. Our own server is left out wherever
 * it is named.
 */
export interface OutgoingEdus {
  toServers(servers: Iterable<ServerName>, edu: Edu, options?: EduOptions): void;
  /** To all servers with joined members in a room. */
  toRoom(roomNid: number, edu: Edu, options?: EduOptions): Promise<void>;
  /** To all servers with joined members in any of some rooms, once to each. */
  toRooms(roomNids: Iterable<number>, edu: Edu, options?: EduOptions): Promise<void>;
}

/** EDUs that must arrive (to-device messages, device lists), kept in a table of whoever gives them. */
export interface DurableEdus {
  /** The servers for which something waits; asked once, at the start. `OutboundFederation.wake` tells of more later. */
  waitingServers(): Promise<Iterable<ServerName>>;
  /** The oldest of what waits for a server. `delivered` forgets them for good once that server has taken them. */
  next(server: ServerName, limit: number): Promise<{ readonly edus: readonly Edu[]; delivered(): Promise<void> }>;
}

/**
 * The user id, where it is one of that server; undefined for everything else, and for ids of old that clients are not to hear of outside
 * of events. https://spec.matrix.org/v1.19/appendices/#historical-user-ids
 */
export function userOfServer(value: unknown, server: ServerName): UserId | undefined {
  return typeof value === 'string' && isCompliantUserId(value) && domainOf(value) === server ? value : undefined;
}

/** An EDU as it stands in a transaction, or undefined where it is none. */
export function readEdu(value: unknown): Edu | undefined {
  if (!isJsonObject(value) || typeof value['edu_type'] !== 'string' || !isJsonObject(value['content'])) return undefined;
  return { type: value['edu_type'], content: value['content'] };
}

/**
 * The room that another server's EDU speaks of, where it may: we are in it, and its ACL lets that server take part. Undefined otherwise: the
 * EDU is to be ignored. https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls
 */
export async function roomOfEdu(
  rooms: Pick<Rooms, 'ids' | 'states' | 'memberships'>,
  roomId: unknown,
  origin: ServerName,
): Promise<RoomIdentity | undefined> {
  if (typeof roomId !== 'string' || !roomId.isWellFormed()) return undefined;
  const room = await rooms.ids.find(roomId);
  if (!room) return undefined;
  // Those whom a wake is to reach are in memory then, too.
  if ((await rooms.memberships.localMembers(room.nid)).size === 0) return undefined;
  return (await mayTakePart(rooms, room.nid, origin)) ? room : undefined;
}
