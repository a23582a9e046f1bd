import type { HistoryVisibility, Membership } from '@myelin/protocol/events/content';

/** What held in a room at one event, for one viewer. */
export interface VisibilityFacts {
  readonly visibility: HistoryVisibility;
  readonly membership: Membership;
  /** Has the viewer been joined at any moment after the event? */
  readonly joinedLater: boolean;
}

/**
 * May the viewer see an event at which these facts held?
 * https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility (server behaviour)
 */
export function maySeeHistory({ visibility, membership, joinedLater }: VisibilityFacts): boolean {
  // If the history_visibility was set to world_readable, allow.
  if (visibility === 'world_readable') return true;
  // If the user's membership was join, allow.
  if (membership === 'join') return true;
  // If history_visibility was set to shared, and the user joined the room at any point after the event was sent, allow.
  if (visibility === 'shared' && joinedLater) return true;
  // If the user's membership was invite, and the history_visibility was set to invited, allow.
  return membership === 'invite' && visibility === 'invited';
}
