import type { JsonObject } from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';

/** What the client format of an event is made from; the envelope is not needed. */
export interface ClientEventParts {
  readonly eventId: EventId;
  /** Left out in `/sync`, where the room is known. */
  readonly roomId?: RoomId | undefined;
  readonly type: string;
  readonly sender: UserId;
  readonly stateKey: string | undefined;
  readonly originServerTs: number;
  /** The content as JSON. */
  readonly contentJson: string;
  /** What an `m.room.redaction` redacts, wherever its room version has it. */
  readonly redacts?: EventId | undefined;
}

/** An event's client JSON up to where `unsigned` may follow: made once, finished for each viewer by `finishClientEvent`. */
export type ClientEventPrefix = string & { readonly __brand: 'ClientEventPrefix' };

/**
 * The client format of an event but for its `unsigned`. A redaction says what it redacts both at the top level and in its content,
 * so that clients of either age find it.
 * https://spec.matrix.org/v1.19/client-server-api/#room-event-format
 * https://spec.matrix.org/v1.19/client-server-api/#mroomredaction
 */
export function clientEventJson(parts: ClientEventParts): ClientEventPrefix {
  const { redacts, roomId, stateKey } = parts;
  const redactsJson = redacts === undefined ? undefined : JSON.stringify(redacts);
  const content = redacts === undefined ? parts.contentJson : contentThatRedacts(parts.contentJson, redacts);
  return ('{"content":' +
    content +
    ',"event_id":' +
    JSON.stringify(parts.eventId) +
    ',"origin_server_ts":' +
    parts.originServerTs +
    (redactsJson === undefined ? '' : ',"redacts":' + redactsJson) +
    (roomId === undefined ? '' : ',"room_id":' + JSON.stringify(roomId)) +
    ',"sender":' +
    JSON.stringify(parts.sender) +
    (stateKey === undefined ? '' : ',"state_key":' + JSON.stringify(stateKey)) +
    ',"type":' +
    JSON.stringify(parts.type)) as ClientEventPrefix;
}

/** What is added for one answer: the room where the prefix lacks it, and the viewer's `unsigned` as JSON. */
export interface ClientEventEnding {
  readonly roomId?: RoomId | undefined;
  readonly unsignedJson?: string | undefined;
}

/** The whole event as JSON. */
export function finishClientEvent(prefix: ClientEventPrefix, { roomId, unsignedJson }: ClientEventEnding = {}): string {
  let json: string = prefix;
  if (roomId !== undefined) json += ',"room_id":' + JSON.stringify(roomId);
  if (unsignedJson !== undefined) json += ',"unsigned":' + unsignedJson;
  return json + '}';
}

function contentThatRedacts(contentJson: string, redacts: EventId): string {
  const content = JSON.parse(contentJson) as JsonObject;
  if (content['redacts'] === redacts) return contentJson;
  content['redacts'] = redacts;
  return JSON.stringify(content);
}
