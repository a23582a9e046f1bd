import { notFound } from '@myelin/protocol/errors';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import { extremitiesToName } from '../../../rooms/index.ts';
import { readableByServer, type ServerHistoryTools } from './readable-by-server.ts';

/**
 * The events that an event of this server would follow now. Throws M_NOT_FOUND where this server does not know the room, M_FORBIDDEN where
 * the asking one is not in it or shut out.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/4370
 */
export async function extremitiesForServer(tools: ServerHistoryTools, roomId: string, server: ServerName): Promise<EventId[]> {
  const { rooms } = tools;
  if (!(await rooms.ids.find(roomId))) throw notFound('Unknown room');
  const room = await readableByServer(tools, roomId, server);
  const { named, durable } = await rooms.inTurn(room, ({ head, lastWrite }) =>
    // The promise must not be waited for in the room's turn.
    Promise.resolve({ named: extremitiesToName(head.extremities), durable: [lastWrite] }),
  );
  // What a power cut could still undo is told to nobody.
  await Promise.all(durable);
  return named.map(({ eventId }) => eventId);
}
