import { effectivePowerLevels } from '@myelin/protocol/auth-rules';
import { badJson, forbidden, MatrixError, notFound } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, isRoomAlias, isUserId, type RoomId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import { membersOfRoom, type EventDraft, type RoomIdentity, type StoredEvent } from '../../rooms/index.ts';
import type { Actor } from '../room-membership/index.ts';
import { carriedState, replacementCreateContent, type OldRoom } from './carried-state.ts';
import { rulesOf } from './create-room.ts';
import type { CreationTools } from './creation-tools.ts';

/** A room that is to be replaced by one of another version. */
export interface Upgrade {
  readonly roomId: RoomId;
  readonly version: string;
  readonly additionalCreators: readonly UserId[];
}

/**
 * Replaces a room by one of another version; the answer is the new room's id. Throws M_UNSUPPORTED_ROOM_VERSION, M_NOT_FOUND, and
 * M_FORBIDDEN for those who may not close the old room.
 * https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export async function upgradeRoom(tools: CreationTools, by: Actor, upgrade: Upgrade): Promise<RoomId> {
  const rules = rulesOf(upgrade.version);
  const additionalCreators = checkedCreators(upgrade.additionalCreators, by.userId);
  const from = await tools.rooms.ids.find(upgrade.roomId);
  if (!from) throw notFound(`Unknown room ${upgrade.roomId}`);
  const { userId } = by;
  // 1. Checks that the user has permission to send m.room.tombstone events in the room.
  const old = await oldRoom(tools, from);
  await checkMayClose(tools, from, old.state, userId);
  // 2. Creates a replacement room with a predecessor, 3. replicates transferable state, 4. moves any local aliases.
  const replacement = { rules, by: userId, additionalCreators };
  const aliases = splitAliases(find(old.state, 'm.room.canonical_alias'), tools.serverName);
  const join = await tools.membership.content({ action: 'join', by, target: userId, wanted: {} });
  const moveListing = await tools.directory.prepareMove({ roomNid: from.nid, roomId: from.roomId });
  const { identity: to } = await tools.rooms.create({
    rules,
    create: state(userId, 'm.room.create', replacementCreateContent(old, replacement)),
    followers: () => [
      { ...state(userId, 'm.room.member', join), stateKey: userId },
      ...carriedState(old, replacement, aliases ? [state(userId, 'm.room.canonical_alias', aliases.moved)] : []),
    ],
    alongside(tx, [create]) {
      if (create) moveListing(tx, create);
    },
  });
  // 5. Sends an m.room.tombstone event to the old room.
  await tools.rooms.send(from, [
    state(userId, 'm.room.tombstone', { body: 'This room has been replaced', replacement_room: to.roomId }),
  ]);
  // 6. If possible, the power levels in the old room should also be modified to prevent sending of events and inviting new users.
  if (aliases) await sendIfAllowed(tools, from, state(userId, 'm.room.canonical_alias', aliases.remaining));
  await sendIfAllowed(tools, from, state(userId, 'm.room.power_levels', silencingLevels(old.state)));
  return to.roomId;
}

function checkedCreators(wanted: readonly UserId[], upgrader: UserId): UserId[] {
  const stranger = wanted.find((userId) => !isUserId(userId));
  if (stranger !== undefined) throw badJson(`additional_creators: ${JSON.stringify(stranger)} is not a user ID`);
  return [...new Set(wanted)].filter((userId) => userId !== upgrader);
}

async function oldRoom({ rooms, database }: CreationTools, from: RoomIdentity): Promise<OldRoom> {
  await rooms.partial.untilComplete(from.nid);
  const root = await rooms.states.currentRoot(from.nid);
  const banned = await membersOfRoom(database, from.nid, ['ban']);
  const [state, bans, [last]] = await Promise.all([
    rooms.states.all(from.nid, root, 'others'),
    rooms.events.listByNids(banned.map(({ eventNid }) => eventNid)),
    rooms.timeline.page(from.nid, { direction: 'b', limit: 1 }),
  ]);
  return { roomId: from.roomId, rules: from.rules, state: [...state, ...bans], lastEventId: last?.eventId };
}

async function checkMayClose(
  { rooms, names }: CreationTools,
  room: RoomIdentity,
  current: readonly StoredEvent[],
  userId: UserId,
): Promise<void> {
  const levels = effectivePowerLevels(find(current, 'm.room.create'), find(current, 'm.room.power_levels'), room.rules);
  const isMember = await rooms.memberships.isJoined(await names.idOf(userId), room.nid);
  if (!isMember) throw forbidden(`${userId} is not in room ${room.roomId}`);
  const needed = levels.required('m.room.tombstone', 'state');
  if (levels.of(userId) < needed) {
    throw forbidden(`Upgrading the room needs power level ${needed}, ${userId} has ${levels.of(userId)}`);
  }
}

/** Which aliases of `m.room.canonical_alias` come along, being of this server, and which stay. */
function splitAliases(
  event: StoredEvent | undefined,
  serverName: ServerName,
): { moved: JsonObject; remaining: JsonObject } | undefined {
  if (!event) return undefined;
  const isOurs = (alias: unknown): boolean => typeof alias === 'string' && isRoomAlias(alias) && domainOf(alias) === serverName;
  const { alias, alt_aliases: alternatives, ...rest } = event.content;
  const list = Array.isArray(alternatives) ? alternatives : [];
  const part = (wanted: boolean): JsonObject => {
    const some = list.filter((one) => isOurs(one) === wanted);
    return {
      ...(alias !== undefined && isOurs(alias) === wanted && { alias }),
      ...(some.length > 0 && { alt_aliases: some }),
    };
  };
  const moved = part(true);
  return Object.keys(moved).length > 0 ? { moved, remaining: { ...rest, ...part(false) } } : undefined;
}

/** Levels under which ordinary members of the old room neither speak nor invite. */
function silencingLevels(current: readonly StoredEvent[]): JsonObject {
  const content = find(current, 'm.room.power_levels')?.content ?? {};
  const number = (name: string): number => Number(content[name] ?? 0);
  const restricted = Math.max(50, number('users_default') + 1);
  return {
    ...content,
    events_default: Math.max(number('events_default'), restricted),
    invite: Math.max(number('invite'), restricted),
  };
}

async function sendIfAllowed({ rooms, logger }: CreationTools, room: RoomIdentity, draft: EventDraft): Promise<void> {
  try {
    await rooms.send(room, [draft]);
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    logger.info({ err: error, roomId: room.roomId, type: draft.type }, 'the replaced room keeps this state');
  }
}

function state(sender: UserId, type: string, content: JsonObject): EventDraft {
  return { type, sender, stateKey: '', content };
}

function find(events: readonly StoredEvent[], type: string): StoredEvent | undefined {
  return events.find((event) => event.type === type && event.stateKey === '');
}
