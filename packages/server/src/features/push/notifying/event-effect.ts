import type { Outcome } from './outcome.ts';

/** What an event does for the counts of a room's members: made in the room's turn, written with the event, then told to those who keep counts. */
export interface EventEffect {
  readonly position: number;
  /** The thread it is in; 0 for the main timeline. */
  readonly threadNid: number;
  readonly ordinary: Outcome;
  /** The thread's notifying events and highlights up to here, where this is a notifying event. */
  readonly counted: Counted | undefined;
  /** Whom it does something else for than `ordinary` for followers and nothing for others. */
  readonly others: ReadonlyMap<number, Outcome>;
  /** What is to be stored of those: the difference to what would be foretold. */
  readonly exceptions: readonly Exception[];
  /** Who follows the room's notifying events from this one on, or stops. */
  readonly followings: readonly FollowingChange[];
  readonly senderNid: number;
  /** The sender is a local member and has, by sending, read the thread up to here. */
  readonly hasReadThread: boolean;
}

export interface Counted {
  readonly notifications: number;
  readonly highlights: number;
}

export interface Exception extends Counted {
  readonly userNid: number;
  readonly actions: Outcome['actions'];
}

export interface FollowingChange {
  readonly userNid: number;
  /** After which position they follow from now on; undefined where they stop. */
  readonly followsFrom: number | undefined;
  /** The stretch that ends, where they stop. */
  readonly ended: { readonly from: number; readonly to: number } | undefined;
}
