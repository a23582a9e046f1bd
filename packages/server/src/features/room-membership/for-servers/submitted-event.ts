import { parseExactJson } from '@myelin/protocol/canonical-json';
import { forbidden, invalidParam } from '@myelin/protocol/errors';
import { checkPduFormat, type Pdu } from '@myelin/protocol/events';
import { domainOf, isUserId, type EventId, type RoomId, type ServerName } from '@myelin/protocol/identifiers';

import { memberFault } from '../../../federation/membership/index.ts';
import type { RoomIdentity, StoredEvent } from '../../../rooms/index.ts';
import { residentRoom, type ServerMembershipTools } from './server-tools.ts';

/** A signed membership event that another server hands in. */
export interface Submission {
  readonly membership: 'join' | 'knock' | 'leave';
  readonly roomId: RoomId;
  /** As the path has it. */
  readonly eventId: EventId;
  readonly origin: ServerName;
  readonly event: unknown;
  /** The same as it came: rooms of the oldest versions hash numbers as they were spelt. */
  readonly eventText: string | undefined;
}

/** One that the room has taken in. */
export interface Submitted {
  readonly room: RoomIdentity;
  readonly event: StoredEvent;
}

/**
 * Takes another server's membership event into the room and passes it on to the others. `prepare` may add to the event before it is
 * looked at. Throws M_INVALID_PARAM where it is not what the endpoint is for, M_FORBIDDEN with the reason where the room does not take it.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 */
export async function takeSubmission(
  tools: ServerMembershipTools,
  submission: Submission,
  prepare: (room: RoomIdentity, pdu: Pdu) => Promise<Pdu> = (_, pdu) => Promise.resolve(pdu),
): Promise<Submitted> {
  const { origin, eventId } = submission;
  const room = await residentRoom(tools, submission.roomId, origin);
  const pdu = await prepare(room, checkedForm(room, submission));
  const [verdict] = await tools.rooms.receiving.atTheDoor(room, [pdu]);
  if (!verdict?.ok) throw invalidParam(verdict?.reason ?? 'The event was not looked at');
  if (verdict.eventId !== eventId) throw invalidParam(`The event is ${verdict.eventId}, not ${eventId}`);
  const outcome = await tools.rooms.receiving.receive(room, { eventId, pdu: verdict.pdu }, { origin });
  if (outcome.outcome === 'waiting') throw forbidden(`The event cannot be taken in yet: ${outcome.reason}`);
  const event = await tools.rooms.events.byId(eventId);
  // Its policy server may have said why not.
  if (outcome.outcome === 'soft-failed') throw forbidden(outcome.reason);
  if (event?.verdict !== 'accepted') throw forbidden('The rules of the room do not allow this event');
  if (outcome.outcome !== 'known') await tools.relay(event, origin);
  return { room, event };
}

function checkedForm(room: RoomIdentity, { event, eventText, membership, origin }: Submission): Pdu {
  const format = checkPduFormat(event, room.rules);
  if (!format.ok) throw invalidParam(format.reason);
  const { pdu } = format;
  const fault = memberFault(pdu, { roomId: room.roomId, membership, stateKey: pdu.sender });
  if (fault !== undefined) throw invalidParam(fault);
  if (!isUserId(pdu.sender) || domainOf(pdu.sender) !== origin) throw invalidParam(`The sender is not a user of ${origin}`);
  // What is no integer as it was spelt is none in any room version: `2.0` is a float.
  return eventText === undefined ? pdu : (parseExactJson(eventText) as Pdu);
}
