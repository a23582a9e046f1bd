import { maxPrevEvents } from '@myelin/protocol/events';

import type { ForwardExtremity } from '../room.ts';

/** More branches than this are not followed at once: whoever starts one more is heard when somebody has joined it with others. */
export const maxForwardExtremities = 100;

/**
 * The events that nothing follows, after one more.
 * @param last the new event; undefined where it is not to be followed, or something follows it already
 * @param followed numbers of the events that it follows
 */
export function extremitiesAfter(
  extremities: readonly ForwardExtremity[],
  followed: ReadonlySet<number>,
  last: ForwardExtremity | undefined,
): readonly ForwardExtremity[] {
  const left = extremities.filter(({ nid }) => !followed.has(nid) && nid !== last?.nid);
  if (!last) return left;
  if (left.length < maxForwardExtremities) return [...left, last];
  // An older branch with the same state as a newer one says nothing about the room that the newer does not say. One with a state of
  // its own is kept before a newcomer: nobody may push out a ban by starting a hundred branches.
  const roots = new Set([last.stateRoot]);
  const distinct = left.toReversed().filter(({ stateRoot }) => !roots.has(stateRoot) && roots.add(stateRoot));
  return distinct.length < maxForwardExtremities ? [...distinct.toReversed(), last] : left;
}

/** Those that the next event of this server follows: all, or the newest as far as an event may name them. */
export function extremitiesToName(extremities: readonly ForwardExtremity[]): readonly ForwardExtremity[] {
  return extremities.length <= maxPrevEvents ? extremities : extremities.slice(-maxPrevEvents);
}
