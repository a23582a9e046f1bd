import { badAlias, badJson, invalidParam } from '@myelin/protocol/errors';
import { aclAllows, readMembership, readServerAcl, type JsonObject } from '@myelin/protocol/events';
import { isRoomAlias, type EventId, type RoomId, type UserId } from '@myelin/protocol/identifiers';

import type { UserRequester } from '../../platform/http/index.ts';
import type { RoomIdentity } from '../../rooms/index.ts';
import { knownRoom, massagedTimestamp, type MessageTools } from './message-tools.ts';

/** A state event that a client wants to set. */
export interface StateToSet {
  readonly by: UserRequester;
  readonly roomId: RoomId;
  readonly type: string;
  readonly stateKey: string;
  readonly content: JsonObject;
  readonly ts?: number;
}

/**
 * Sets a piece of state; what is set already is answered by the event that says so. Memberships pass through the rules of membership.
 * Throws M_FORBIDDEN, M_TOO_LARGE, M_BAD_JSON, M_BAD_ALIAS, M_INVALID_PARAM, M_NOT_FOUND.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
 */
export async function setState(tools: MessageTools, wanted: StateToSet): Promise<EventId> {
  const { by, type, stateKey, content } = wanted;
  const room = await knownRoom(tools.rooms, wanted.roomId);
  const massaged = massagedTimestamp(by, wanted.ts);
  if (type === 'm.room.member') {
    const membership = readMembership(content);
    if (membership === undefined) throw badJson('membership must be one of join, invite, knock, leave and ban');
    const target = stateKey as UserId;
    const eventId = await tools.membership.set({ action: membership, by, target, room, wanted: content, ...massaged });
    return eventId ?? currentMember(tools, room, target);
  }
  if (type === 'm.room.canonical_alias' && stateKey === '') await checkCanonicalAlias(tools, room, content);
  if (type === 'm.room.server_acl' && !aclAllows(readServerAcl(content), tools.serverName)) {
    throw invalidParam('These server ACLs would shut out this server itself');
  }
  const [set] = await tools.rooms.send(room, [{ type, sender: by.userId, stateKey, content, ...massaged }]);
  if (!set) throw new Error('the room has sent nothing');
  return set.eventId;
}

/** Another server has made the event. */
async function currentMember({ rooms }: MessageTools, room: RoomIdentity, target: UserId): Promise<EventId> {
  const event = await rooms.states.current(room.nid, 'm.room.member', target);
  if (!event) throw new Error(`${target} has no membership of ${room.roomId}, though it was set`);
  return event.eventId;
}

/**
 * Aliases that are new in the event must point to the room. Throws M_BAD_ALIAS where they do not, M_INVALID_PARAM where they are none.
 * https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias
 */
async function checkCanonicalAlias(tools: MessageTools, room: RoomIdentity, content: JsonObject): Promise<void> {
  const current = await tools.rooms.states.current(room.nid, 'm.room.canonical_alias', '');
  const known = new Set(current ? aliasesIn(current.content) : []);
  for (const alias of aliasesIn(content)) {
    if (known.has(alias)) continue;
    if (typeof alias !== 'string' || !isRoomAlias(alias)) throw invalidParam(`${JSON.stringify(alias)} is not a room alias`);
    const target = await tools.aliases.resolve(alias);
    if (target?.roomId !== room.roomId) throw badAlias(`${alias} does not point to this room`);
  }
}

function aliasesIn({ alias, alt_aliases: alternatives }: JsonObject): unknown[] {
  if (alternatives !== undefined && alternatives !== null && !Array.isArray(alternatives)) {
    throw badJson('alt_aliases must be a list');
  }
  return [...(alias === undefined || alias === null || alias === '' ? [] : [alias]), ...(alternatives ?? [])];
}
