import { domainOf, isServerName, type RoomId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import { serversOfRoom, strippedStateOf, type RoomIdentity, type UserMembership } from '../../rooms/index.ts';
import type { RemoteMembershipTools } from './tools.ts';

/**
 * Servers that may help with a room that this server is not in, best first: those that the client names, the one whose user has invited
 * ours, those of whom the invite or the knock has told, those that were in the room when we were, the one that the room's id names.
 * Never our own, none that the settings shut out.
 */
export async function candidates(
  tools: RemoteMembershipTools,
  { roomId, user, via }: { readonly roomId: RoomId; readonly user: UserId; readonly via: readonly ServerName[] },
): Promise<ServerName[]> {
  const found = new Set<string>(via);
  const room = await tools.rooms.ids.find(roomId);
  if (room) for (const server of await likelyServers(tools, room, user)) found.add(server);
  const named = domainOf(roomId as RoomId | UserId);
  if (named !== undefined) found.add(named);
  return [...found].filter(
    (server): server is ServerName => isServerName(server) && server !== tools.serverName && tools.remote.federatesWith(server),
  );
}

async function likelyServers(tools: RemoteMembershipTools, room: RoomIdentity, user: UserId): Promise<string[]> {
  const { names, rooms } = tools;
  const userNid = await names.idOf(user);
  const own = await rooms.memberships.of(userNid, room.nid);
  const asked = own?.membership === 'invite' || own?.membership === 'knock' ? await whoShowedIt(tools, room, userNid, own) : [];
  return [...asked, ...(await serversOfRoom(tools, room.nid))];
}

/** The servers of the inviter, and of those whose events came with the invite or the knock. */
async function whoShowedIt(
  { database, names }: RemoteMembershipTools,
  room: RoomIdentity,
  userNid: number,
  own: UserMembership,
): Promise<string[]> {
  const shown = await strippedStateOf(database, userNid, room.nid);
  const events = shown === undefined ? [] : (JSON.parse(shown) as { readonly sender: UserId }[]);
  const sender = (await names.textOf(own.senderNid)) as UserId | undefined;
  return [...(sender === undefined ? [] : [sender]), ...events.map((event) => event.sender)].map((user) => domainOf(user));
}
