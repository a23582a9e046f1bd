import { own } from '@myelin/protocol/canonical-json';
import { badJson, duplicateAnnotation } from '@myelin/protocol/errors';
import { objectField, textField, type JsonObject } from '@myelin/protocol/events';
import { isEventId, type EventId, type RoomId } from '@myelin/protocol/identifiers';

import type { UserRequester } from '../../platform/http/index.ts';
import { viewerOf, type RoomIdentity } from '../../rooms/index.ts';
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
    await checkAnnotation(tools, { by, room, type, content });
    const [sent] = await tools.rooms.send(room, [{ type, sender: by.userId, content, ...massaged }], { alongside });
    if (!sent) throw new Error('the room has sent nothing');
    return sent.eventId;
  });
}

/** Refuses the same annotation of the same event by the same user; https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations */
async function checkAnnotation(
  { rooms, related }: MessageTools,
  message: { readonly by: UserRequester; readonly room: RoomIdentity; readonly type: string; readonly content: JsonObject },
): Promise<void> {
  const { by, room, type, content } = message;
  const relation = own(content, 'm.relates_to') === undefined ? undefined : objectField(content, 'm.relates_to');
  if (!relation || textField(relation, 'rel_type') !== 'm.annotation') return;
  const eventId = textField(relation, 'event_id');
  const key = textField(relation, 'key');
  if (eventId === undefined || key === undefined || !isEventId(eventId)) return;
  const target = await rooms.events.byId(eventId);
  if (!target || target.roomNid !== room.nid) return;
  const annotation = { roomNid: room.nid, targetNid: target.nid, senderNid: viewerOf(by).userNid, type, key };
  if (await related.hasAnnotation(annotation)) throw duplicateAnnotation();
}
