import * as federation from '@myelin/protocol/api/federation';
import { MatrixError } from '@myelin/protocol/errors';
import type { RoomId, ServerName } from '@myelin/protocol/identifiers';

import { RemoteError } from '../../remote-servers/index.ts';
import type { RemoteMembershipTools } from './tools.ts';

/** `limit_remote_rooms`: the largest room that may be joined, 1 standing for 500 state events, and what the user hears of larger ones. */
export interface MostComplexity {
  readonly limit: number;
  readonly error: string;
}

/** Throws M_RESOURCE_LIMIT_EXCEEDED where a server says that a room is too large. Not all servers can say; then nothing is known. */
export async function checkComplexity(
  tools: RemoteMembershipTools,
  server: ServerName,
  roomId: RoomId,
  { limit, error }: MostComplexity,
): Promise<void> {
  const { v1: complexity } = await tools.remote
    .request(server, federation.getRoomComplexity, { params: { roomId } })
    .catch((failure: unknown) => {
      if (failure instanceof RemoteError && failure.answered) return { v1: 0 };
      throw failure;
    });
  if (complexity > limit) throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', error, { status: 400 });
}
