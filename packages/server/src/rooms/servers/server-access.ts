import type { ServerName } from '@myelin/protocol/identifiers';
import { isServerAllowed } from '@myelin/protocol/server-acl';

import type { Database, Interner } from '../../platform/database/index.ts';
import { isServerJoined } from '../membership/membership-store.ts';
import type { PartialRooms } from '../partial/index.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { RoomStates } from '../state/index.ts';

/** What tells whether a server may have anything of a room. */
export interface ServerAccessTools {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: { readonly states: RoomStates; readonly partial: PartialRooms };
}

/**
 * Whether the room's ACL lets a server take part.
 * https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls
 */
export async function isAllowedByAcl({ rooms }: ServerAccessTools, room: RoomIdentity, server: ServerName): Promise<boolean> {
  const acl = await rooms.states.current(room.nid, 'm.room.server_acl', '');
  return isServerAllowed(acl?.content, server);
}

/** Whether a server may read a room: one of its users is in it now, and the room's ACL does not shut it out. */
export async function mayServerRead(tools: ServerAccessTools, room: RoomIdentity, server: ServerName): Promise<boolean> {
  return (await isServerInside(tools, room, server)) && (await isAllowedByAcl(tools, room, server));
}

/** Whether users of a server are in the room; while its members are on their way, whether it is said to be. */
async function isServerInside(
  { database, names, rooms }: ServerAccessTools,
  { nid }: RoomIdentity,
  server: ServerName,
): Promise<boolean> {
  if (rooms.partial.serversOf(nid).has(server)) return true;
  const serverNid = await names.knownIdOf(server);
  return serverNid !== undefined && isServerJoined(database, nid, serverNid);
}
