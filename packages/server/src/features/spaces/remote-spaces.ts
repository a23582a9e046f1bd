import type { RoomId, ServerName } from '@myelin/protocol/identifiers';

import type { RoomSummary } from '../room-directory/index.ts';
import type { HierarchyEntry } from './hierarchy-entry.ts';

/** What another server tells of a room and its children. */
export interface RemoteHierarchy {
  readonly room: HierarchyEntry;
  /** Without what is below them. */
  readonly children: readonly RoomSummary[];
  /** Children that nobody of this server could enter, by whatever way. */
  readonly inaccessible: readonly RoomId[];
}

/** Asks other servers for rooms that this one is not in; federation provides it. */
export interface RemoteSpaces {
  /** Undefined where none of the servers tells anything. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid */
  hierarchy(roomId: RoomId, via: readonly ServerName[]): Promise<RemoteHierarchy | undefined>;
}

/** For a server that stands alone. */
export const noRemoteSpaces: RemoteSpaces = { hierarchy: () => Promise.resolve(undefined) };
