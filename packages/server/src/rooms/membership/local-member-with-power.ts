import { effectivePowerLevels, type PowerLevels } from '@myelin/protocol/auth-rules';
import { listField, objectField, type JsonObject } from '@myelin/protocol/events';
import { domainOf, isUserId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { Interner } from '../../platform/database/index.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { RoomStates } from '../state/index.ts';
import type { Memberships } from './memberships.ts';

interface PowerTools {
  readonly rooms: { readonly states: RoomStates; readonly memberships: Memberships };
  readonly names: Interner;
  readonly serverName: ServerName;
}

/**
 * A joined user of this server who has the power that something needs in a room now; undefined where there is none. The work does not
 * grow with the number of members.
 */
export async function localMemberWithPower(
  { rooms, names, serverName }: PowerTools,
  room: RoomIdentity,
  needed: (levels: PowerLevels) => number,
): Promise<UserId | undefined> {
  const root = await rooms.states.currentRoot(room.nid);
  const [create, powerLevels] = await rooms.states.events(room.nid, root, [
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ]);
  const levels = effectivePowerLevels(create, powerLevels, room.rules);
  const level = needed(levels);
  const local = await rooms.memberships.localMembers(room.nid);
  // Those who are named come first: usually few, whatever the size of the room.
  for (const userId of new Set(named(create, powerLevels))) {
    if (domainOf(userId) !== serverName || levels.of(userId) < level) continue;
    const userNid = await names.knownIdOf(userId);
    if (userNid !== undefined && local.has(userNid)) return userId;
  }
  // Nobody who is not named has more than the default.
  if (levels.of('') < level) return undefined;
  for (const userNid of local) {
    const userId = (await names.textOf(userNid)) as UserId;
    if (levels.of(userId) >= level) return userId;
  }
  return undefined;
}

function named(create: StoredEvent | undefined, levels: StoredEvent | undefined): UserId[] {
  const creators: unknown[] = create ? [create.sender, ...listField(create.content, 'additional_creators')] : [];
  const users: JsonObject = (levels && objectField(levels.content, 'users')) ?? {};
  return [...creators, ...Object.keys(users)].filter((id): id is UserId => typeof id === 'string' && isUserId(id));
}
