import { domainOf, type ServerName } from '@myelin/protocol/identifiers';

import { roomOfEdu, userOfServer, type EduHandler, type OutgoingEdus } from '../../federation/edu.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import type { Typing } from './typing.ts';

export interface TypingFederationNeeds {
  readonly rooms: Rooms;
  readonly names: Interner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly outgoingEdus: OutgoingEdus;
}

/** Another server's user types for so long, unless we hear of them again. */
const believedMs = 60_000;
/** Who goes on is told of again, before the others stop believing it. */
const toldAgainMs = 40_000;

/**
 * Takes `m.typing` of other servers: for users of theirs who are in the room.
 * https://spec.matrix.org/v1.19/server-server-api/#typing-notifications
 */
export function receiveTyping({ rooms, names }: Pick<TypingFederationNeeds, 'rooms' | 'names'>, typing: Typing): EduHandler {
  return async ({ content, origin }) => {
    const userId = userOfServer(content['user_id'], origin);
    const isTyping = content['typing'];
    if (userId === undefined || typeof isTyping !== 'boolean') return;
    const room = await roomOfEdu(rooms, content['room_id'], origin);
    if (!room) return;
    const userNid = await names.knownIdOf(userId);
    if (userNid === undefined) return;
    // Of a room whose members are on their way here, the server's word must do.
    const isSaidToBeIn = rooms.partial.serversOf(room.nid).has(origin);
    if (!isSaidToBeIn && !(await rooms.memberships.isJoined(userNid, room.nid))) return;
    typing.put({ roomNid: room.nid, userNid, userId, typing: isTyping }, believedMs);
  };
}

/** Tells the servers of a room which of our users begin and stop to type. */
export function sendTyping(needs: TypingFederationNeeds, typing: Typing): void {
  const { rooms, clock, logger, serverName, outgoingEdus } = needs;
  /** Who types where, with when that was told last. */
  const told = new Map<string, number>();
  const tell = async (roomNid: number, userId: string, isTyping: boolean): Promise<void> => {
    const { roomId } = await rooms.ids.byNid(roomNid);
    const content = { room_id: roomId, user_id: userId, typing: isTyping };
    await outgoingEdus.toRoom(roomNid, { type: 'm.typing', content }, { key: `${roomId} ${userId}`, usefulMs: believedMs });
  };
  typing.onTyping(({ roomNid, userId, typing: isTyping }) => {
    if (domainOf(userId) !== serverName) return;
    const key = `${roomNid} ${userId}`;
    const last = told.get(key);
    if (isTyping ? last !== undefined && clock.monotonic() - last < toldAgainMs : last === undefined) return;
    if (isTyping) told.set(key, clock.monotonic());
    else told.delete(key);
    tell(roomNid, userId, isTyping).catch((error: unknown) => logger.warn({ err: error }, 'who types is not told elsewhere'));
  });
}
