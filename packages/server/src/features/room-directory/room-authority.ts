import { effectivePowerLevels } from '@myelin/protocol/auth-rules';
import { readCanonicalAlias } from '@myelin/protocol/events';
import type { RoomAlias } from '@myelin/protocol/identifiers';

import type { Interner } from '../../platform/database/index.ts';
import type { UserRequester } from '../../platform/http/index.ts';
import type { RoomIdentity, Rooms } from '../../rooms/index.ts';

/** A local user who wants something of the directory. */
export type DirectoryUser = Pick<UserRequester, 'userId' | 'isAdmin'>;

/** What is read of a room to tell who may do what with its place in the directory. */
export interface AuthorityTools {
  readonly rooms: Pick<Rooms, 'memberships' | 'states'>;
  readonly names: Interner;
}

/** Whether somebody is joined to the room. */
export async function isMember(tools: AuthorityTools, room: RoomIdentity, { userId }: DirectoryUser): Promise<boolean> {
  const userNid = await tools.names.knownIdOf(userId);
  return userNid !== undefined && tools.rooms.memberships.isJoined(userNid, room.nid);
}

/**
 * Whether somebody may say how the room is found: server administrators, and members with the power level that
 * `m.room.canonical_alias` asks for.
 */
export async function mayManage(tools: AuthorityTools, room: RoomIdentity, by: DirectoryUser): Promise<boolean> {
  if (by.isAdmin) return true;
  if (!(await isMember(tools, room, by))) return false;
  const { states } = tools.rooms;
  const [create, powerLevels] = await states.events(room.nid, await states.currentRoot(room.nid), [
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ]);
  const levels = effectivePowerLevels(create, powerLevels, room.rules);
  return levels.of(by.userId) >= levels.required('m.room.canonical_alias', 'state');
}

/** The alias that the room calls its own, by its current state. */
export async function canonicalAliasOf(tools: AuthorityTools, room: RoomIdentity): Promise<RoomAlias | undefined> {
  const event = await tools.rooms.states.current(room.nid, 'm.room.canonical_alias', '');
  return event && readCanonicalAlias(event.content).alias;
}
