import type { EventId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { referencesOf } from '../events/event-codec.ts';
import type { EventStore } from '../events/event-store.ts';

/** Events looked at between two breaths: others are served while a long chain is walked. */
const batchSize = 500;

/**
 * The auth chain of some events: what they were authorised by, what that was authorised by, and so on; each event once, in no particular
 * order. One of the given events is in it only where another needs it. Events that this server does not have are left out.
 * https://spec.matrix.org/v1.19/server-server-api/#auth-chain
 */
export async function authChainOf(
  events: EventStore,
  rules: RoomVersionRules,
  eventNids: readonly number[],
): Promise<ReadonlySet<number>> {
  const chain = new Set<number>();
  const walked = new Set(eventNids);
  const waiting = [...walked];
  while (waiting.length > 0) {
    const batch = await events.byNids(waiting.splice(-batchSize));
    const byId = new Set<EventId>();
    const found = (nid: number): void => {
      chain.add(nid);
      if (walked.has(nid)) return;
      walked.add(nid);
      waiting.push(nid);
    };
    for (const { envelope } of batch.values()) {
      for (const reference of referencesOf(envelope, rules).auth) {
        if (typeof reference === 'number') found(reference);
        else byId.add(reference);
      }
    }
    if (byId.size > 0) for (const nid of (await events.nidsOf([...byId])).values()) found(nid);
  }
  return chain;
}
