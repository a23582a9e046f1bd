import { powerLevelsIn } from '@myelin/protocol/auth-rules';
import { domainOf, type EventId } from '@myelin/protocol/identifiers';

import type { EventStore } from '../events/event-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { Room } from '../room.ts';

/**
 * The event that a redaction makes redacted: known, of the same room, and the redaction's sender may.
 * https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 */
export async function redactionTarget(
  tools: { readonly events: Pick<EventStore, 'byId'> },
  room: Room,
  redaction: StoredEvent,
  redacts: EventId | undefined,
  stateAt: (type: string, stateKey: string) => Promise<StoredEvent | undefined>,
): Promise<StoredEvent | undefined> {
  if (redacts === undefined) return undefined;
  const target = await tools.events.byId(redacts);
  if (!target || target.roomNid !== room.nid || target.redactedByNid !== undefined) return undefined;
  // In versions 1 and 2 the authorisation rules have decided it.
  if (room.rules.redactionsAuthorisedByAuthRules) return target;
  // The domain of the redaction event's sender matches that of the original event's sender, or …
  if (domainOf(redaction.sender) === domainOf(target.sender)) return target;
  // … the power level of the redaction event's sender is greater than or equal to the redact level.
  const [create, levels] = await Promise.all([stateAt('m.room.create', ''), stateAt('m.room.power_levels', '')]);
  const power = powerLevelsIn(
    (type) => (type === 'm.room.create' ? create : type === 'm.room.power_levels' ? levels : undefined),
    room.rules,
  );
  return power.of(redaction.sender) >= power.redact ? target : undefined;
}
