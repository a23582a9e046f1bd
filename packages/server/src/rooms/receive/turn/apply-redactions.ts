import type { EventId } from '@myelin/protocol/identifiers';

import { redactionsOf } from '../../events/awaited-redactions.ts';
import { redactedContent } from '../../events/event-store.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import type { Room } from '../../room.ts';
import { redactionTarget } from '../../send/redaction-target.ts';
import { emptyState, type State } from '../../state/index.ts';
import type { ReceiveTools } from '../receive-tools.ts';

/** What an event redacts, and what redacts it. */
export interface Redactions {
  readonly applied: readonly { readonly redaction: StoredEvent; readonly target: StoredEvent }[];
  /** The event that it redacts is not here. */
  readonly awaits?: EventId;
  /** The event as it is once a redaction that came before it is applied. */
  readonly asClientsGetIt: StoredEvent;
}

/**
 * Applies a redaction to its event, or to an event the redactions that waited for it, where their senders may.
 * https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 * @param after the state after the event
 */
export async function redactionsWith(
  tools: ReceiveTools,
  room: Room,
  event: StoredEvent,
  redacts: EventId | undefined,
  after: State,
): Promise<Redactions> {
  const at =
    (state: State) =>
    (type: string, stateKey: string): Promise<StoredEvent | undefined> =>
      tools.states.event(room.nid, state, type, stateKey);
  const applied: { redaction: StoredEvent; target: StoredEvent }[] = [];
  let asClientsGetIt = event;
  if (event.redactedByNid === undefined) {
    const waiting = await tools.events.listByNids(await redactionsOf(tools.database, room, event.eventId));
    for (const redaction of waiting) {
      const target = await redactionTarget(
        { events: { byId: () => Promise.resolve(event) } },
        room,
        redaction,
        event.eventId,
        at(redaction.stateRoot ?? emptyState),
      );
      if (!target) continue;
      applied.push({ redaction, target });
      asClientsGetIt = event.with({
        redactedByNid: redaction.nid,
        contentJson: redactedContent(event.type, event.contentJson, room.rules),
      });
      break;
    }
  }
  if (redacts === undefined) return { applied, asClientsGetIt };
  const target = await redactionTarget(tools, room, event, redacts, at(after));
  if (target) return { applied: [...applied, { redaction: event, target }], asClientsGetIt };
  const isHere = (await tools.events.byId(redacts))?.position !== undefined;
  return { applied, asClientsGetIt, ...(!isHere && { awaits: redacts }) };
}
