import { forbidden, incompatibleRoomVersion } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';

import { membershipIn, type RoomIdentity } from '../../../rooms/index.ts';
import { authoriserOfJoin } from '../restricted-join.ts';
import { checkSpeaksFor, residentRoom, type ServerMembershipTools } from './server-tools.ts';

/** A server asks for the event by which one of its users would get in, or out. */
export interface TemplateWanted {
  readonly membership: 'join' | 'knock' | 'leave';
  readonly roomId: RoomId;
  readonly user: UserId;
  readonly origin: ServerName;
  /** The room versions that the asking server knows; absent: the endpoint does not ask. */
  readonly versions?: readonly string[];
}

/**
 * The membership event as the room would have it now, for the asking server to sign. Throws M_NOT_FOUND, M_INCOMPATIBLE_ROOM_VERSION,
 * M_FORBIDDEN with the rule that says no, M_UNABLE_TO_AUTHORISE_JOIN, M_UNABLE_TO_GRANT_JOIN.
 * https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
export async function membershipTemplate(
  tools: ServerMembershipTools,
  wanted: TemplateWanted,
): Promise<{ room_version: string; event: JsonObject }> {
  const { membership, user, origin, versions } = wanted;
  checkSpeaksFor(origin, user);
  const room = await residentRoom(tools, wanted.roomId, origin);
  if (versions && !versions.includes(room.rules.id)) throw incompatibleRoomVersion(room.rules.id);
  if (membership === 'knock' && !room.rules.knocking) throw forbidden(`Nobody can knock in room version ${room.rules.id}`);
  const content: JsonObject = { membership };
  const authoriser = membership === 'join' ? await whoLetsIn(tools, room, user) : undefined;
  if (authoriser !== undefined) content['join_authorised_via_users_server'] = authoriser;
  const { pdu } = await tools.rooms.prepare(room, { type: 'm.room.member', sender: user, stateKey: user, content });
  // Its id, where it carries one, its hash and its signature are for the asking server to make.
  const { event_id: _id, hashes: _hashes, signatures: _signatures, ...event } = pdu;
  return { room_version: room.rules.id, event: { ...event, origin: tools.serverName } };
}

/** Who of ours lets a user of another server in, where the room's rule asks for somebody. */
export async function whoLetsIn(tools: ServerMembershipTools, room: RoomIdentity, user: UserId): Promise<UserId | undefined> {
  const current = await tools.rooms.states.current(room.nid, 'm.room.member', user);
  return authoriserOfJoin(tools, room, user, current && membershipIn(current.content));
}
