import { own } from '../canonical-json/index.ts';
import type { EventId, RoomId } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { roomIdOfCreate } from './hash-pdu.ts';
import type { HashedReference, Pdu, RoomEvent } from './pdu.ts';

/** The event as the rules read it. The PDU must have passed `checkPduFormat` or have been built by us; its content is shared, not copied. */
export function roomEventFromPdu(pdu: Pdu, rules: RoomVersionRules, eventId: EventId): RoomEvent {
  return {
    eventId,
    roomId: roomIdOf(pdu, eventId),
    type: pdu.type,
    sender: pdu.sender,
    stateKey: pdu.state_key,
    content: pdu.content,
    originServerTs: pdu.origin_server_ts,
    depth: pdu.depth,
    prevEvents: bareIds(pdu.prev_events),
    authEvents: bareIds(pdu.auth_events),
    redacts: redactsOf(pdu, rules),
  };
}

/** The room of the event; the create event of a version 12 room names its own. */
function roomIdOf(pdu: Pdu, eventId: EventId): RoomId {
  return pdu.room_id ?? roomIdOfCreate(eventId);
}

/** Which event an `m.room.redaction` redacts, wherever its room version puts it; undefined where it names none or is no redaction. */
export function redactsOf(pdu: Pick<Pdu, 'type' | 'content' | 'redacts'>, rules: RoomVersionRules): EventId | undefined {
  if (pdu.type !== 'm.room.redaction') return undefined;
  const redacts = rules.redactsInContent ? own(pdu.content, 'redacts') : pdu.redacts;
  return typeof redacts === 'string' ? (redacts as EventId) : undefined;
}

/** The ids in `prev_events` or `auth_events` of any room version. */
export function bareIds(references: EventId[] | HashedReference[]): EventId[] {
  return references.map((reference) => (typeof reference === 'string' ? reference : reference[0]));
}
