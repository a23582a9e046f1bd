import { badJson, duplicateAnnotation } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { isEventId, type EventId, type RoomId } from '@myelin/protocol/identifiers';

import type { UserRequester } from '../../platform/http/index.ts';
import { viewerOf, type RoomIdentity } from '../../rooms/index.ts';
import { relationOf } from '../relations/index.ts';
import { knownRoom, massagedTimestamp, type MessageTools } from './message-tools.ts';
import { redact } from './redact-event.ts';
import { sendOnce } from './transactions.ts';

/** A message-like event that a client wants to send. */
export interface MessageToSend {
  readonly by: UserRequester;
  readonly roomId: RoomId;
  readonly type: string;
  readonly txnId: string;
  readonly content: JsonObject;
  readonly ts?: number;
}

/**
 * Sends an event that is not state. Throws M_FORBIDDEN, M_TOO_LARGE, M_BAD_JSON, M_DUPLICATE_ANNOTATION, M_NOT_FOUND.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid
 */
export async function sendMessage(tools: MessageTools, message: MessageToSend): Promise<EventId> {
  const { by, type, content } = message;
  const room = await knownRoom(tools.rooms, message.roomId);
  const transaction = { by, room, path: `send/${type}`, txnId: message.txnId };
  return sendOnce(tools, transaction, async (alongside) => {
    const massaged = massagedTimestamp(by, message.ts);
    // A redaction may be sent as any other event; whom it may touch is the same question then.
    if (type === 'm.room.redaction') {
      const { redacts, ...rest } = content;
      if (typeof redacts !== 'string' || !isEventId(redacts)) throw badJson('redacts must be an event ID');
      return redact(tools, { by, room, redacts, content: rest, alongside, ...massaged });
    }
    const send = async (): Promise<EventId> => {
      const [sent] = await tools.rooms.send(room, [{ type, sender: by.userId, content, ...massaged }], { alongside });
      if (!sent) throw new Error('the room has sent nothing');
      return sent.eventId;
    };
    const target = annotationTarget(content);
    if (!target) return send();
    // One after another: of two that are the same the second finds the first.
    return tools.annotating.take(`${by.userId} ${target.eventId}`, async () => {
      await checkAnnotation(tools, { by, room, type, ...target });
      return send();
    });
  });
}

/** What an annotation is about and with which key; undefined for events that annotate nothing. */
function annotationTarget(content: JsonObject): { eventId: EventId; key: string } | undefined {
  const { relType, parentId, key } = relationOf(content) ?? {};
  return relType === 'm.annotation' && parentId !== undefined && key !== undefined ? { eventId: parentId, key } : undefined;
}

/** Refuses the same annotation of the same event by the same user; https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations */
async function checkAnnotation(
  { rooms, related }: MessageTools,
  annotation: { by: UserRequester; room: RoomIdentity; type: string; eventId: EventId; key: string },
): Promise<void> {
  const { by, room, type, eventId, key } = annotation;
  const target = await rooms.events.byId(eventId);
  if (!target || target.roomNid !== room.nid) return;
  const found = await related.hasAnnotation({
    roomNid: room.nid,
    targetNid: target.nid,
    senderNid: viewerOf(by).userNid,
    type,
    key,
  });
  if (found) throw duplicateAnnotation();
}
