import { notFound } from '@myelin/protocol/errors';
import type { RoomAlias, RoomId, ServerName } from '@myelin/protocol/identifiers';

import type { RoomSummary } from './local-summary.ts';
import type { PublicRoomsPage, PublicRoomsQuery } from './published-rooms.ts';

/** Where an alias leads: a room, and servers that are in it, best first. */
export interface AliasTarget {
  readonly roomId: RoomId;
  readonly servers: readonly ServerName[];
}

/** What other servers know of rooms; federation provides it. */
export interface RemoteDirectory {
  /** Asks the alias's server; undefined where it knows none, or does not answer. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory */
  resolve(alias: RoomAlias): Promise<AliasTarget | undefined>;
  /** Another server's directory; throws a MatrixError where there is none to be had. https://spec.matrix.org/v1.19/server-server-api/#published-room-directory */
  publicRooms(server: ServerName, query: PublicRoomsQuery): Promise<PublicRoomsPage>;
  /** A room that this server is not in, as one of these servers tells of it; undefined where none does. */
  summary(roomId: RoomId, via: readonly ServerName[]): Promise<RoomSummary | undefined>;
}

/** For a server that stands alone: other servers know nothing. */
export const noRemoteDirectory: RemoteDirectory = {
  resolve: () => Promise.resolve(undefined),
  publicRooms: (server) => Promise.reject(notFound(`This server does not talk to ${server}`)),
  summary: () => Promise.resolve(undefined),
};
