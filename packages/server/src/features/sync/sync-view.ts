import type { CompiledFilter } from '@myelin/protocol/filters';
import type { RoomId } from '@myelin/protocol/identifiers';

import type { SyncToken } from '../../platform/streams/index.ts';
import type { Viewer } from '../../rooms/index.ts';

/** What one sync is to answer: for whom, how, and for which stretch of time. */
export interface SyncView {
  readonly viewer: Viewer;
  readonly filter: CompiledFilter;
  /** Rooms that the server's configuration keeps out of all syncs. */
  readonly excludedRooms: ReadonlySet<string>;
  /** How many events of a room at most. */
  readonly timelineLimit: number;
  /**
   * `state` tells the state up to the start of the timeline; by the other names (the second from before Matrix 1.16) it is told up to
   * the end. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync (`use_state_after`)
   */
  readonly stateMember: 'state' | 'state_after' | 'org.matrix.msc4222.state_after';
  readonly fullState: boolean;
  /** Names what this client has been told of members; `lazy-members.ts`. */
  readonly membersKnownTo: string;
  /** Undefined for a client that knows nothing yet. */
  readonly since: SyncToken | undefined;
  readonly upTo: SyncToken;
}

/** Whether state is told up to the end of the timeline, and the timeline changes nothing about it. */
export function tellsStateAfter(view: Pick<SyncView, 'stateMember'>): boolean {
  return view.stateMember !== 'state';
}

/** Whether the room's state is told as a whole. */
export function tellsWholeState(view: Pick<SyncView, 'fullState'>, room: RoomStretch): boolean {
  return room.since === undefined || view.fullState || room.isRenewed === true;
}

/** One room's part of a sync. */
export interface RoomStretch {
  readonly nid: number;
  readonly roomId: RoomId;
  /** The events position up to which the client knows the room; undefined where it knows nothing. */
  readonly since: number | undefined;
  /** The room's members came in since: state and summary are told anew, beside what happened. */
  readonly isRenewed?: boolean;
  /** The events position up to which it is told: where the sync ends, or where the user left. */
  readonly upTo: number;
}
