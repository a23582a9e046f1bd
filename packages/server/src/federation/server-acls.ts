import type { ServerName } from '@myelin/protocol/identifiers';
import { isServerAllowed } from '@myelin/protocol/server-acl';

import type { Rooms } from '../rooms/index.ts';

/**
 * Whether a room's current `m.room.server_acl` lets a server take part.
 * https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls
 */
export async function mayTakePart(rooms: Pick<Rooms, 'states'>, roomNid: number, server: ServerName): Promise<boolean> {
  const acl = await rooms.states.current(roomNid, 'm.room.server_acl', '');
  return isServerAllowed(acl?.content, server);
}
