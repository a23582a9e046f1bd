import { domainOf, isUserId } from '@myelin/protocol/identifiers';

import { memberFault } from '../../../federation/membership/index.ts';
import type { RoomIdentity } from '../../../rooms/index.ts';
import type { ServerMembershipTools } from './server-tools.ts';

/**
 * An event of a room that nobody of this server is in. Where it takes back the invite of one of our users, or refuses their knock, they
 * hear of it; true then. Everything else of such a room is of no concern.
 * https://spec.matrix.org/v1.19/client-server-api/#leaving-rooms
 */
export async function endAbsentMembership(
  tools: Pick<ServerMembershipTools, 'rooms' | 'names' | 'serverName'>,
  room: RoomIdentity,
  event: unknown,
): Promise<boolean> {
  const { rooms, names, serverName } = tools;
  const { roomId } = room;
  const ends = (['leave', 'ban'] as const).some((membership) => memberFault(event, { roomId, membership }) === undefined);
  if (!ends) return false;
  const [verdict] = await rooms.receiving.atTheDoor(room, [event]);
  const target = verdict?.ok ? verdict.pdu.state_key : undefined;
  if (!verdict?.ok || target === undefined || !isUserId(target) || domainOf(target) !== serverName) return false;
  const own = await rooms.memberships.of(await names.idOf(target), room.nid);
  if (own?.membership !== 'invite' && own?.membership !== 'knock') return false;
  // Whoever could send it has seen what it ends. More cannot be known here of who may do what in the room.
  const ended = await rooms.events.byNid(own.eventNid);
  const authEvents: readonly unknown[] = verdict.pdu.auth_events.flat();
  if (!ended || !authEvents.includes(ended.eventId)) return false;
  return rooms.receiving.receiveOutOfBand(roomId, room.rules, { event: verdict.pdu });
}
