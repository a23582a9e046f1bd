import {
  readAvatarUrl,
  readCanonicalAlias,
  readCreate,
  readGuestsMayJoin,
  readHistoryVisibility,
  readJoinRules,
  readName,
  readTopic,
  type JsonObject,
} from '@myelin/protocol/events';
import type { RoomAlias, RoomId } from '@myelin/protocol/identifiers';

import type { StateName } from '../../rooms/index.ts';

/** What a room looks like from outside. */
export interface RoomDescription {
  readonly name: string | undefined;
  readonly topic: string | undefined;
  readonly canonicalAlias: RoomAlias | undefined;
  readonly avatarUrl: string | undefined;
  readonly joinRule: string;
  readonly roomType: string | undefined;
  readonly worldReadable: boolean;
  readonly guestCanJoin: boolean;
}

/** A room as the directory and summaries show it; https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms */
export interface PublicRoom {
  room_id: RoomId;
  num_joined_members: number;
  world_readable: boolean;
  guest_can_join: boolean;
  join_rule: string;
  canonical_alias?: RoomAlias;
  name?: string;
  topic?: string;
  avatar_url?: string;
  room_type?: string;
}

/** The types of state event, with an empty key, that a description is made of. */
export const describingTypes = [
  'm.room.create',
  'm.room.name',
  'm.room.topic',
  'm.room.canonical_alias',
  'm.room.avatar',
  'm.room.join_rules',
  'm.room.history_visibility',
  'm.room.guest_access',
] as const;
export type DescribingType = (typeof describingTypes)[number];

/** The same as places of the state. */
export const describingState: readonly StateName[] = describingTypes.map((type) => [type, '']);

const asSet: ReadonlySet<string> = new Set(describingTypes);

/** Whether an event, by its type and state key, is one that a description is made of. */
export function isDescribing(type: string, stateKey: string | undefined): type is DescribingType {
  return stateKey === '' && asSet.has(type);
}

/** Describes a room by the contents of its state events; strangers write them, so what cannot be is left out. */
export function describeRoom(contentOf: (type: DescribingType) => JsonObject | undefined): RoomDescription {
  const content = (type: DescribingType): JsonObject => contentOf(type) ?? {};
  const avatarUrl = readAvatarUrl(content('m.room.avatar'));
  return {
    name: readName(content('m.room.name')),
    topic: readTopic(content('m.room.topic')),
    canonicalAlias: readCanonicalAlias(content('m.room.canonical_alias')).alias,
    avatarUrl: avatarUrl?.startsWith('mxc://') ? avatarUrl : undefined,
    joinRule: readJoinRules(contentOf('m.room.join_rules')).rule,
    roomType: readCreate(content('m.room.create')).roomType,
    worldReadable: readHistoryVisibility(contentOf('m.room.history_visibility')) === 'world_readable',
    guestCanJoin: readGuestsMayJoin(contentOf('m.room.guest_access')),
  };
}

/** A description by events in the order of `describingTypes`. */
export function describeByEvents(events: readonly ({ readonly content: JsonObject } | undefined)[]): RoomDescription {
  return describeRoom((type) => events[describingTypes.indexOf(type)]?.content);
}

/** Whether people whom nobody has invited can do anything there: join, ask to join, or read. */
export function isEnterable({ joinRule, worldReadable }: Pick<RoomDescription, 'joinRule' | 'worldReadable'>): boolean {
  return worldReadable || joinRule === 'public' || joinRule === 'knock' || joinRule === 'knock_restricted';
}

/** A description as clients get it. */
export function publicRoomOf(roomId: RoomId, joinedMembers: number, room: RoomDescription): PublicRoom {
  return {
    room_id: roomId,
    num_joined_members: joinedMembers,
    world_readable: room.worldReadable,
    guest_can_join: room.guestCanJoin,
    join_rule: room.joinRule,
    ...(room.canonicalAlias !== undefined && { canonical_alias: room.canonicalAlias }),
    ...(room.name !== undefined && { name: room.name }),
    ...(room.topic !== undefined && { topic: room.topic }),
    ...(room.avatarUrl !== undefined && { avatar_url: room.avatarUrl }),
    ...(room.roomType !== undefined && { room_type: room.roomType }),
  };
}
