import type { JsonObject } from '@myelin/protocol/events';
import type { EventId, RoomId } from '@myelin/protocol/identifiers';

import type { UserRequester } from '../../platform/http/index.ts';
import type { RoomIdentity } from '../../rooms/index.ts';
import { knownRoom, type MessageTools } from './message-tools.ts';
import { redact } from './redact-event.ts';
import { sendOnce } from './transactions.ts';

/** What a client asks of `/redact`. */
export interface RedactionRequest {
  readonly by: UserRequester;
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly txnId: string;
  readonly reason?: string;
  /** MSC3912: what relates to the event in these ways goes with it. */
  readonly withRelTypes?: readonly string[];
}

/**
 * Redacts an event, and what relates to it if so asked.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid
 */
export async function redactByRequest(tools: MessageTools, request: RedactionRequest): Promise<EventId> {
  const { by, eventId, txnId, reason } = request;
  const room = await knownRoom(tools.rooms, request.roomId);
  const content: JsonObject = reason === undefined ? {} : { reason };
  return sendOnce(tools, { by, room, path: `redact/${eventId}`, txnId }, async (alongside) => {
    await limitRedaction(tools, by, eventId);
    const redaction = await redact(tools, { by, room, redacts: eventId, content, alongside });
    await redactRelated(tools, request, room, content);
    return redaction;
  });
}

/** Redacting others' events counts apart where the option `rc_admin_redaction` says so: cleaning up takes many of them. */
async function limitRedaction(tools: MessageTools, by: UserRequester, eventId: EventId): Promise<void> {
  if (by.appservice?.rateLimited === false) return;
  const target = await tools.rooms.events.byId(eventId);
  const ofAnother = target !== undefined && target.sender !== by.userId;
  const name = ofAnother && tools.config.rc_admin_redaction ? 'rc_admin_redaction' : 'rc_message';
  const limiter = tools.limiters[name];
  if (!limiter) throw new Error(`there is no limiter ${name}`);
  limiter.limit(by.userId);
}

/** https://github.com/matrix-org/matrix-spec-proposals/pull/3912 */
async function redactRelated(
  tools: MessageTools,
  { by, eventId, withRelTypes = [] }: RedactionRequest,
  room: RoomIdentity,
  content: JsonObject,
): Promise<void> {
  const target = withRelTypes.length === 0 ? undefined : await tools.rooms.events.byId(eventId);
  if (!target) return;
  const nids = await tools.related.relatedTo(room.nid, target.nid, withRelTypes);
  for (const event of await tools.rooms.events.listByNids(nids)) {
    if (event.redactedByNid !== undefined) continue;
    await redact(tools, { by, room, redacts: event.eventId, content }).catch((error: unknown) => {
      // What the user may not redact stays; the event itself is gone, and that is the answer.
      tools.logger.info({ err: error, eventId: event.eventId }, 'a related event was not redacted');
    });
  }
}
