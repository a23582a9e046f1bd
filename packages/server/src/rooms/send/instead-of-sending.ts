import { encodeCanonicalJson } from '@myelin/protocol/canonical-json';

import type { StoredEvent } from '../events/stored-event.ts';
import type { Room } from '../room.ts';
import type { EventDraft } from './event-draft.ts';
import type { SendTools } from './send-events.ts';

/** When one event is not sent; see `SendOptions`. */
export interface SendConditions {
  readonly evenIfUnchanged?: boolean;
  readonly onlyInPlaceOf?: number;
}

/**
 * What answers the wish to send one event where it need not be sent: the state event in force that says the same already, or nothing
 * where another is in force than the one that it was to replace. Undefined where it is to be sent. In the room's turn.
 */
export async function insteadOfSending(
  tools: Pick<SendTools, 'states'>,
  room: Room,
  draft: EventDraft,
  { evenIfUnchanged, onlyInPlaceOf }: SendConditions,
): Promise<readonly StoredEvent[] | undefined> {
  if (draft.stateKey === undefined || (evenIfUnchanged && onlyInPlaceOf === undefined)) return undefined;
  const inForce = await tools.states.event(room.nid, room.head.root, draft.type, draft.stateKey);
  if (onlyInPlaceOf !== undefined && inForce?.nid !== onlyInPlaceOf) return [];
  const isUnchanged = !evenIfUnchanged && inForce?.sender === draft.sender && sameContent(inForce, draft);
  return isUnchanged ? [inForce] : undefined;
}

function sameContent(current: StoredEvent, draft: EventDraft): boolean {
  try {
    return encodeCanonicalJson(current.content) === encodeCanonicalJson(draft.content);
  } catch {
    // Not canonical JSON: the room version decides whether it may be sent at all.
    return false;
  }
}
