import { MatrixError } from '@myelin/protocol/errors';
import {
  bareIds,
  checkPduFormat,
  eventIdOf,
  hashAndSignPdu,
  maxDepth,
  type JsonObject,
  type Pdu,
  type UnsignedPdu,
} from '@myelin/protocol/events';
import { readMembership } from '@myelin/protocol/events/content';
import { assignedEventId, type EventId, type RoomId, type UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';

import { memberFault } from './member-pdu.ts';
import type { RemoteMembershipTools } from './tools.ts';

/** What a user of ours wants to be in a room that this server is not in. */
export interface WantedMembership {
  readonly user: UserId;
  readonly roomId: RoomId;
  readonly content: JsonObject;
}

/** Our event, made of another server's template. */
export interface SignedMembership {
  readonly rules: RoomVersionRules;
  readonly eventId: EventId;
  readonly pdu: Pdu;
}

/**
 * Fills in the template of a resident server, hashes and signs it. Throws where the template is not what was asked for: such an answer
 * is malformed and not to be used.
 * https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
export function signTemplate(
  tools: Pick<RemoteMembershipTools, 'serverName' | 'signingKey' | 'clock' | 'random'>,
  wanted: WantedMembership,
  answer: { readonly room_version?: string; readonly event: JsonObject },
): SignedMembership {
  // If not provided, the room version is assumed to be either "1" or "2": they do not differ in the format of events.
  const version = answer.room_version ?? '1';
  const rules = roomVersionRules(version);
  if (!rules) {
    throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', `This server does not support room version ${version}`);
  }
  const { user, roomId, content } = wanted;
  const membership = readMembership(content);
  if (!membership) throw new Error('a membership event has a membership');
  const template = answer.event;
  const fault = memberFault(template, { roomId, membership, sender: user, stateKey: user });
  if (fault !== undefined) throw new Error(`the template is malformed: ${fault}`);
  const unsigned = {
    auth_events: template['auth_events'],
    content: filledIn(content, template),
    depth: depthIn(template, rules),
    ...(rules.eventIds === 'assigned' && { event_id: assignedEventId(tools.random.token(24), tools.serverName) }),
    origin: tools.serverName,
    origin_server_ts: tools.clock.now(),
    prev_events: template['prev_events'],
    room_id: roomId,
    sender: user,
    state_key: user,
    type: 'm.room.member',
  } as unknown as UnsignedPdu;
  const pdu = hashAndSignPdu(unsigned, tools.serverName, tools.signingKey, rules);
  const format = checkPduFormat(pdu, rules);
  if (!format.ok) throw new Error(`the template is malformed: ${format.reason}`);
  if (bareIds(pdu.prev_events).length === 0) throw new Error('the template is malformed: it follows no event');
  return { rules, eventId: eventIdOf(pdu, rules), pdu };
}

/** Who lets the user in is for the resident server to say; everything else is for us. */
function filledIn(content: JsonObject, template: JsonObject): JsonObject {
  const via = (template['content'] as JsonObject)['join_authorised_via_users_server'];
  return content['membership'] === 'join' && typeof via === 'string'
    ? { ...content, join_authorised_via_users_server: via }
    : content;
}

function depthIn(template: JsonObject, rules: RoomVersionRules): unknown {
  const { depth } = template;
  // What a lenient server gave as more than a number can carry.
  return typeof depth === 'number' && !rules.strictCanonicalJson ? Math.min(depth, maxDepth) : depth;
}
