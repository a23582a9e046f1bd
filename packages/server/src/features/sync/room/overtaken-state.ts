import type { Rooms, StateName, StateRoot, VisibleEvent } from '../../../rooms/index.ts';

/**
 * The part of a timeline after the last state event that is not in force although no later one is shown: a later one is left out (by a
 * filter, by history visibility), or state resolution has decided against it. A client that applies the timeline on top of `state`
 * would believe it.
 */
export async function afterOvertaken(
  rooms: Rooms,
  roomNid: number,
  rootAtEnd: StateRoot,
  timeline: readonly VisibleEvent[],
): Promise<readonly VisibleEvent[]> {
  const lastAt = new Map<string, { index: number; nid: number; name: StateName }>();
  for (const [index, { event }] of timeline.entries()) {
    if (event.stateKey === undefined) continue;
    lastAt.set(`${event.type}\0${event.stateKey}`, { index, nid: event.nid, name: [event.type, event.stateKey] });
  }
  if (lastAt.size === 0) return timeline;
  const shown = [...lastAt.values()];
  const inForce = await rooms.states.events(
    roomNid,
    rootAtEnd,
    shown.map(({ name }) => name),
  );
  const overtaken = shown.filter(({ nid }, at) => inForce[at]?.nid !== nid);
  return timeline.slice(Math.max(0, ...overtaken.map(({ index }) => index + 1)));
}
