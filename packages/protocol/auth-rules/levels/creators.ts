import type { RoomVersionRules } from '../../room-versions/index.ts';
import { property } from '../content.ts';
import type { StateEvent } from '../state-lookup.ts';

/**
 * Whether a user is a creator of the room: `content.creator` up to version 10, the sender of `m.room.create` in version 11,
 * and from version 12 also whoever `additional_creators` names; https://spec.matrix.org/v1.19/rooms/v12/#client-considerations
 */
export function isCreator(userId: string, create: StateEvent, rules: RoomVersionRules): boolean {
  if (!rules.creatorIsCreateSender) return property(create.content, 'creator') === userId;
  if (create.sender === userId) return true;
  if (!rules.privilegedCreators) return false;
  const additional = property(create.content, 'additional_creators');
  return Array.isArray(additional) && additional.includes(userId);
}
