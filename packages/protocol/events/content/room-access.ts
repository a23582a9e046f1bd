import { isJsonObject } from '../../canonical-json/index.ts';
import { isRoomId } from '../../identifiers/index.ts';
import type { RoomId } from '../../identifiers/index.ts';
import type { JsonObject } from '../pdu.ts';
import { listField, textField } from './field.ts';

export type HistoryVisibility = 'world_readable' | 'shared' | 'invited' | 'joined';

const visibilities: ReadonlySet<string> = new Set<HistoryVisibility>(['world_readable', 'shared', 'invited', 'joined']);

/**
 * Who may see what happened before they came: the content of `m.room.history_visibility`. `shared` where there is no such event
 * (undefined) or its value is unknown; https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
 */
export function readHistoryVisibility(content: JsonObject | undefined): HistoryVisibility {
  const value = content && textField(content, 'history_visibility');
  return value !== undefined && visibilities.has(value) ? (value as HistoryVisibility) : 'shared';
}

/** Whether guests may join, from `m.room.guest_access`; no where there is no such event; https://spec.matrix.org/v1.19/client-server-api/#guest-access */
export function readGuestsMayJoin(content: JsonObject | undefined): boolean {
  return content !== undefined && textField(content, 'guest_access') === 'can_join';
}

export type JoinRule = 'public' | 'invite' | 'knock' | 'restricted' | 'knock_restricted' | 'private';

export interface JoinRules {
  /** An unknown rule reads as `private`: nobody joins by it. */
  readonly rule: JoinRule;
  /** Members of these rooms may join where the rule is `restricted` or `knock_restricted`. */
  readonly allow: readonly RoomId[];
}

const joinRules: ReadonlySet<string> = new Set<JoinRule>([
  'public',
  'invite',
  'knock',
  'restricted',
  'knock_restricted',
  'private',
]);

/** The content of `m.room.join_rules`; `invite` where there is no such event or rule; https://spec.matrix.org/v1.19/client-server-api/#mroomjoin_rules */
export function readJoinRules(content: JsonObject | undefined): JoinRules {
  if (content === undefined || content['join_rule'] === undefined) return { rule: 'invite', allow: [] };
  const value = textField(content, 'join_rule');
  const rule = value !== undefined && joinRules.has(value) ? (value as JoinRule) : 'private';
  return { rule, allow: readAllowedRooms(content) };
}

/** The rooms of the `m.room_membership` conditions; conditions of other kinds are passed over. */
function readAllowedRooms(content: JsonObject): RoomId[] {
  const rooms: RoomId[] = [];
  for (const condition of listField(content, 'allow')) {
    if (!isJsonObject(condition) || textField(condition, 'type') !== 'm.room_membership') continue;
    const room = textField(condition, 'room_id');
    if (room !== undefined && isRoomId(room)) rooms.push(room);
  }
  return rooms;
}
