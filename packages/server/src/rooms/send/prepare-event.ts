import type { Pdu } from '@myelin/protocol/events';
import { domainOf, type EventId } from '@myelin/protocol/identifiers';

import { extremitiesToName } from '../forks/forward-extremities.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { Room } from '../room.ts';
import type { EventDraft } from './event-draft.ts';
import { allowedDraft, buildEvent, type SendTools } from './send-events.ts';

/** An event with its id, hashed and signed by this server, of which the room knows nothing yet. */
export interface PreparedEvent {
  readonly pdu: Pdu;
  readonly eventId: EventId;
}

/**
 * The event that a draft would become if it were sent into the room now: built on the room's head and allowed by its rules. Nothing
 * is stored. For what needs another server's signature first (invites), and for what another server is to sign (templates of joins,
 * knocks and leaves: their sender is a user of that server). Throws M_FORBIDDEN with the rule that says no, M_TOO_LARGE, M_BAD_JSON.
 */
export async function prepareEvent(tools: SendTools, identity: RoomIdentity, draft: EventDraft): Promise<PreparedEvent> {
  const isOurs = domainOf(draft.sender) === tools.serverName;
  const allowed = isOurs ? await allowedDraft(tools.hooks, draft, identity) : draft;
  return tools.registry.inTurn(identity, (room) => buildOnHead(tools, room, allowed));
}

/** The same for an event that the hooks have let pass, in the room's turn. */
export async function buildOnHead(tools: SendTools, room: Room, allowed: EventDraft): Promise<PreparedEvent> {
  const { head } = room;
  const named = extremitiesToName(head.extremities);
  const isWhole = named.length === head.extremities.length;
  const state = isWhole
    ? head.root
    : await tools.resolver.resolve(
        room,
        named.map(({ stateRoot }) => stateRoot),
      );
  // What is at hand belongs to the head's state.
  if (!isWhole) room.dropAtHand();
  const { pdu, eventId } = await buildEvent(tools, room, { named, state, hashes: new Map() }, allowed);
  if (!isWhole) room.dropAtHand();
  return { pdu, eventId };
}
