import type { EventId } from '@myelin/protocol/identifiers';

import type { Logger } from '../../platform/observability/index.ts';
import type { PartialRooms } from '../partial/index.ts';
import type { RoomIds } from '../room-ids.ts';
import type { SendTools } from '../send/send-events.ts';
import type { RemoteEvents, SignatureVerifier } from './remote-events.ts';

/** What receiving needs beside the tools of sending. */
export interface ReceiveTools extends SendTools {
  readonly rooms: RoomIds;
  readonly logger: Logger;
  /** Other servers; plugged in when the server takes part in the network. */
  readonly network: { remote: RemoteEvents; verifier: SignatureVerifier };
  /** Which rooms lack members. */
  readonly partial: PartialRooms;
  readonly nextRoomNid: () => number;
  /** Takes this many positions before all history there is, and gives the first of them. */
  readonly positionsBefore: (count: number) => number;
}

/**
 * What became of an event. `known`: it has been received before. `waiting`: it is not taken in, because something is missing that may
 * be there later.
 */
export type ReceiveOutcome =
  | { readonly outcome: 'accepted' | 'known' }
  | { readonly outcome: 'soft-failed' | 'rejected'; readonly reason: string }
  | { readonly outcome: 'waiting'; readonly reason: string; readonly missing: readonly EventId[] };

// What one event of a stranger may make us ask for. Honest rooms stay far below.
/** Auth events fetched for one event. */
export const mostAuthEventsFetched = 2_000;
/** Events between ours and a new one that are fetched in earnest; what lies further back is history. */
export const mostMissingEvents = 20;
/** Missing events fetched one by one at the same time. */
export const fetchesAtOnce = 5;
/** Where more are missing, the whole state is asked for at once. */
export const mostStateEventsOneByOne = 30;
/** Events of a state that another server claims. */
export const mostStateEvents = 300_000;
