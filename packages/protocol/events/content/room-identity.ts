import { isJsonObject, own } from '../../canonical-json/index.ts';
import { isRoomAlias, isRoomId, isServerName, isUserId } from '../../identifiers/index.ts';
import type { EventId, RoomAlias, RoomId, ServerName, UserId } from '../../identifiers/index.ts';
import type { JsonObject } from '../pdu.ts';
import { booleanField, listField, objectField, textField, textsField } from './field.ts';

export interface CreateContent {
  /** `"1"` where the event names none. */
  readonly roomVersion: string;
  readonly federate: boolean;
  /** Such as `m.space`. */
  readonly roomType: string | undefined;
  readonly predecessor: { readonly roomId: RoomId; readonly eventId: EventId | undefined } | undefined;
  /** Means something from room version 12 on only. */
  readonly additionalCreators: readonly UserId[];
}

/** The content of `m.room.create`; https://spec.matrix.org/v1.19/client-server-api/#mroomcreate */
export function readCreate(content: JsonObject): CreateContent {
  return {
    roomVersion: textField(content, 'room_version') ?? '1',
    federate: booleanField(content, 'm.federate') ?? true,
    roomType: textField(content, 'type'),
    predecessor: readPredecessor(content),
    additionalCreators: textsField(content, 'additional_creators').filter((text) => isUserId(text)),
  };
}

function readPredecessor(content: JsonObject): CreateContent['predecessor'] {
  const predecessor = objectField(content, 'predecessor');
  const roomId = predecessor && textField(predecessor, 'room_id');
  if (roomId === undefined || !isRoomId(roomId)) return undefined;
  return { roomId, eventId: textField(predecessor ?? {}, 'event_id') as EventId | undefined };
}

/** The room that replaces this one, from `m.room.tombstone`; https://spec.matrix.org/v1.19/client-server-api/#mroomtombstone */
export function readReplacementRoom(content: JsonObject): RoomId | undefined {
  const room = textField(content, 'replacement_room');
  return room !== undefined && isRoomId(room) ? room : undefined;
}

/** The aliases in `m.room.canonical_alias`; what is no alias is passed over; https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias */
export function readCanonicalAlias(content: JsonObject): { alias: RoomAlias | undefined; altAliases: RoomAlias[] } {
  const alias = textField(content, 'alias');
  return {
    alias: alias !== undefined && isRoomAlias(alias) ? alias : undefined,
    altAliases: textsField(content, 'alt_aliases').filter((text) => isRoomAlias(text)),
  };
}

/** The text of `m.room.name`; undefined also where it is empty, which the specification treats as no name. */
export function readName(content: JsonObject): string | undefined {
  return textField(content, 'name') || undefined;
}

/**
 * The plain text of `m.room.topic`: the first of `m.topic` that is plain, else `topic`; undefined also where it is empty.
 * https://spec.matrix.org/v1.19/client-server-api/#mroomtopic
 */
export function readTopic(content: JsonObject): string | undefined {
  for (const representation of listField(objectField(content, 'm.topic') ?? {}, 'm.text')) {
    if (!isJsonObject(representation)) continue;
    const body = textField(representation, 'body');
    if (body && (own(representation, 'mimetype') ?? 'text/plain') === 'text/plain') return body;
  }
  return textField(content, 'topic') || undefined;
}

/** The `mxc://` address in `m.room.avatar`. */
export function readAvatarUrl(content: JsonObject): string | undefined {
  return textField(content, 'url') || undefined;
}

/** The algorithm in `m.room.encryption`, such as `m.megolm.v1.aes-sha2`. */
export function readEncryptionAlgorithm(content: JsonObject): string | undefined {
  return textField(content, 'algorithm');
}

export interface SpaceChild {
  readonly via: readonly ServerName[];
  /** Sorts children by code point; undefined where it is not 1 to 50 of U+0020 to U+007E. */
  readonly order: string | undefined;
  readonly suggested: boolean;
}

/** The content of `m.space.child`, or undefined where it has no `via` and thus is no child; https://spec.matrix.org/v1.19/client-server-api/#mspacechild */
export function readSpaceChild(content: JsonObject): SpaceChild | undefined {
  const via = textsField(content, 'via').filter((text) => isServerName(text));
  if (via.length === 0) return undefined;
  const order = textField(content, 'order');
  return {
    via,
    order: order !== undefined && /^[ -~]{1,50}$/.test(order) ? order : undefined,
    suggested: booleanField(content, 'suggested') ?? false,
  };
}
