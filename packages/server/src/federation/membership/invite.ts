import * as federation from '@myelin/protocol/api/federation';
import { forbidden, unknown, unsupportedRoomVersion } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import { signingKeyIds } from '@myelin/protocol/signatures';

import { RemoteError } from '../../remote-servers/index.ts';
import type { PreparedEvent, RoomIdentity } from '../../rooms/index.ts';
import { failureForClient } from './ask-servers.ts';
import { pduJson } from './member-pdu.ts';
import { shownPdus } from './shown-state.ts';
import { letIn, type RemoteMembershipTools } from './tools.ts';

/** Somebody waits for the answer, so the server is asked even if it did not answer lately. */
const bounds = { timeoutMs: 30_000, ignoreBackoff: true };

/**
 * Invites a user of another server to a room that this server is in: the event needs that server's signature before the room may have
 * it. Throws what the other server has said where it says no, M_FORBIDDEN where the room's rules do.
 * https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room
 */
export async function inviteRemoteUser(
  tools: RemoteMembershipTools,
  invite: { readonly room: RoomIdentity; readonly by: UserId; readonly target: UserId; readonly content: JsonObject },
): Promise<void> {
  const { room, by, target, content } = invite;
  const server = domainOf(target);
  checkReachable(tools, [target]);
  await checkFederates(tools, room);
  const draft = { type: 'm.room.member', sender: by, stateKey: target, content, namesOrigin: true };
  const prepared = await tools.rooms.prepare(room, draft);
  const returned = await askInvited(tools, server, room, prepared);
  const event = await letIn(tools, room, returned);
  if (event.eventId !== prepared.eventId || signingKeyIds(event.pdu, server).length === 0) {
    throw unknown(`${server} has answered with another event than the invite`, 502);
  }
  const { outcome } = await tools.rooms.receiving.receive(room, event, { origin: tools.serverName });
  if (outcome !== 'accepted' && outcome !== 'known')
    throw forbidden('The room has changed, and does not allow this invite any more');
}

/** Throws M_FORBIDDEN where one of some users is of a server that the settings shut out. */
export function checkReachable({ remote }: Pick<RemoteMembershipTools, 'remote'>, users: readonly UserId[]): void {
  const user = users.find((target) => !remote.federatesWith(domainOf(target)));
  if (user !== undefined) throw forbidden(`This server does not talk to ${domainOf(user)}: ${user} cannot be invited`);
}

/** Nobody of another server could take an invite to a room that is of its server only: the rules let none of them in. */
async function checkFederates({ rooms }: Pick<RemoteMembershipTools, 'rooms'>, room: RoomIdentity): Promise<void> {
  const create = await rooms.states.current(room.nid, 'm.room.create', '');
  if (create?.content['m.federate'] === false) throw forbidden('This room is for users of its own server only');
}

async function askInvited(
  tools: RemoteMembershipTools,
  server: ServerName,
  room: RoomIdentity,
  { pdu, eventId }: PreparedEvent,
): Promise<JsonObject> {
  const shown = (await shownPdus(tools.rooms, room, { sender: pdu.sender, stateKey: pdu.state_key })).map(pduJson);
  const params = { roomId: room.roomId, eventId };
  const body = { room_version: room.rules.id, event: pduJson(pdu), invite_room_state: shown };
  try {
    const { event } = await tools.remote.request(server, federation.sendInviteV2, { params, body }, bounds);
    return event;
  } catch (error) {
    if (!isOlder(error, room)) throw inviteFailure(error, room);
  }
  try {
    const older = { ...pduJson(pdu), unsigned: { ...pdu.unsigned, invite_room_state: shown } };
    const [, { event }] = await tools.remote.request(server, federation.sendInviteV1, { params, body: older }, bounds);
    return event;
  } catch (error) {
    throw inviteFailure(error, room);
  }
}

/** Whether a server may not know the newer endpoint. */
function isOlder(error: unknown, { rules }: RoomIdentity): boolean {
  if (!(error instanceof RemoteError) || error.errcode === 'M_INVITE_BLOCKED') return false;
  return (error.status === 400 || error.status === 404) && rules.referencesCarryHashes;
}

function inviteFailure(error: unknown, { rules }: RoomIdentity): unknown {
  const failure = failureForClient([error], 'invite');
  // To the client it is the invited user's server that does not know the version.
  return failure.errcode === 'M_INCOMPATIBLE_ROOM_VERSION' ? unsupportedRoomVersion(rules.id) : failure;
}
