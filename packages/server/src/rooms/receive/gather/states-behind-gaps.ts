import type { EventId } from '@myelin/protocol/identifiers';

import { referencesOf } from '../../events/event-codec.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import { stateTreeBefore } from '../../servers/state-before.ts';
import type { State } from '../../state/index.ts';
import type { ReceiveTools } from '../receive-tools.ts';
import { childrenOfGaps } from '../turn/gaps.store.ts';

/**
 * The states after events that are not here, where another event follows just these: they are what came before that one. So an event
 * that was sent at the time when this server joined, upon what the join follows as well, needs nobody to be asked.
 */
export async function statesBehindGaps(
  tools: ReceiveTools,
  room: RoomIdentity,
  missing: readonly EventId[],
): Promise<Map<EventId, State>> {
  const states = new Map<EventId, State>();
  if (missing.length === 0) return states;
  const children = await tools.events.listByNids(await childrenOfGaps(tools.database, room.nid, missing));
  for (const child of children) {
    const { prev } = referencesOf(child.envelope, room.rules);
    const stored = await tools.events.byNids(prev.filter((reference) => typeof reference === 'number'));
    const prevIds = prev.flatMap((reference) =>
      typeof reference === 'number' ? (stored.get(reference)?.eventId ?? []) : reference,
    );
    if (prevIds.length !== prev.length || !prevIds.every((eventId) => missing.includes(eventId))) continue;
    const before = await stateTreeBefore(tools.states, child);
    if (before === undefined) continue;
    for (const eventId of prevIds) states.set(eventId, before);
  }
  return states;
}
