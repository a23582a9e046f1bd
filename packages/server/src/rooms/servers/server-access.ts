import type { ServerName } from '@myelin/protocol/identifiers';
import { isServerAllowed } from '@myelin/protocol/server-acl';

import type { Database, Interner } from '../../platform/database/index.ts';
import { isServerJoined } from '../membership/membership-store.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { RoomStates } from '../state/index.ts';

/** What tells whether a server may have anything of a room. */
export interface ServerAccessTools {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: { readonly states: RoomStates };
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
  const serverNid = await tools.names.knownIdOf(server);
  if (serverNid === undefined || !(await isServerJoined(tools.database, room.nid, serverNid))) return false;
  return isAllowedByAcl(tools, room, server);
}
