import {
  forbidden,
  invalidParam,
  invalidRoomState,
  MatrixError,
  roomInUse,
  unsupportedRoomVersion,
} from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, isRoomAlias, isUserId, type RoomAlias, type RoomId, type UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';

import { ConstraintError } from '../../platform/database/index.ts';
import type { EventDraft, RoomIdentity } from '../../rooms/index.ts';
import type { Actor } from '../room-membership/index.ts';
import type { CreationTools } from './creation-tools.ts';
import { createContent, initialEvents, type InitialState, type WantedRoom } from './initial-events.ts';
import type { AliasReservation } from './neighbours.ts';
import type { PresetName } from './presets.ts';

/** The body of `/createRoom`. */
export interface RoomWishes {
  readonly visibility?: 'public' | 'private';
  readonly room_alias_name?: string;
  readonly name?: string;
  readonly topic?: string;
  readonly invite?: readonly UserId[];
  readonly invite_3pid?: readonly unknown[];
  readonly room_version?: string;
  readonly creation_content?: JsonObject;
  readonly initial_state?: readonly InitialState[];
  readonly preset?: PresetName;
  readonly is_direct?: boolean;
  readonly power_level_content_override?: JsonObject;
}

/**
 * Makes a room with its first events, its invites, its alias and its place in the list of public rooms: all of it in one transaction,
 * or nothing. Users of other servers are invited afterwards, one by one.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
 */
export async function createRoom(tools: CreationTools, by: Actor, wishes: RoomWishes): Promise<RoomId> {
  const rules = rulesOf(wishes.room_version ?? tools.config.default_room_version);
  if (wishes.invite_3pid?.length) throw forbidden('This server invites nobody by email address or phone number');
  const invitees = checkedInvitees(wishes.invite ?? []);
  await tools.membership.checkInvites({ by, targets: invitees });
  const remote = invitees.filter((userId) => domainOf(userId) !== tools.serverName);
  tools.membership.remote.checkReachable(remote);
  if (remote.length > 0 && wishes.creation_content?.['m.federate'] === false) {
    throw forbidden('A room for users of its own server only takes no others');
  }
  const alias = wishes.room_alias_name === undefined ? undefined : aliasOf(tools, wishes.room_alias_name);
  // Where the server's rules do not let it be published, the room is made all the same, as Synapse does: by default they let nobody.
  const published = wishes.visibility === 'public' && tools.directory.mayPublish(by, alias === undefined ? [] : [alias]);
  const wanted: WantedRoom = {
    rules,
    preset: wishes.preset ?? (wishes.visibility === 'public' ? 'public_chat' : 'private_chat'),
    creator: by.userId,
    creationContent: wishes.creation_content ?? {},
    initialState: wishes.initial_state ?? [],
    invitees,
    ...(alias !== undefined && { alias }),
    ...(wishes.name !== undefined && { name: wishes.name }),
    ...(wishes.topic !== undefined && { topic: wishes.topic }),
    ...(wishes.power_level_content_override && { powerLevelOverride: wishes.power_level_content_override }),
  };
  const followers = [
    await memberDraft(tools, by, by.userId, 'join'),
    ...initialEvents(tools.config, wanted),
    ...(await Promise.all(
      invitees
        .filter((userId) => !remote.includes(userId))
        .map((invitee) => memberDraft(tools, by, invitee, 'invite', directness(wishes))),
    )),
  ];
  const reservation = alias === undefined ? undefined : await tools.directory.reserve(alias, by);
  try {
    const identity = await makeRoom(tools, wanted, { followers, reservation, published });
    for (const target of remote) await inviteAfterwards(tools, identity, by, target, directness(wishes));
    return identity.roomId;
  } finally {
    reservation?.release();
  }
}

/** The rules of a room version; throws M_UNSUPPORTED_ROOM_VERSION. */
export function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersionRules(version);
  if (!rules) throw unsupportedRoomVersion(version);
  return rules;
}

async function makeRoom(
  tools: CreationTools,
  wanted: WantedRoom,
  first: { followers: readonly EventDraft[]; reservation: AliasReservation | undefined; published: boolean },
): Promise<RoomIdentity> {
  try {
    const { identity } = await tools.rooms.create({
      rules: wanted.rules,
      create: { type: 'm.room.create', sender: wanted.creator, stateKey: '', content: createContent(wanted) },
      followers: () => first.followers,
      alongside(tx, [create]) {
        if (!create) return;
        first.reservation?.write(tx, create);
        if (first.published) tools.directory.publish(tx, create);
      },
    });
    return identity;
  } catch (error) {
    // The rules refuse one of the first events: to the client that is a wish that contradicts itself.
    if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN') throw invalidRoomState(error.message);
    // Another process was faster with the alias.
    if (error instanceof ConstraintError && (await first.reservation?.isTaken())) throw roomInUse();
    throw error;
  }
}

/** The event by which a local user is in the new room from the beginning. */
async function memberDraft(
  tools: CreationTools,
  by: Actor,
  target: UserId,
  action: 'join' | 'invite',
  wanted: JsonObject = {},
): Promise<EventDraft> {
  const content = await tools.membership.content({ action, by, target, wanted });
  return { type: 'm.room.member', sender: by.userId, stateKey: target, content };
}

async function inviteAfterwards(
  tools: CreationTools,
  room: RoomIdentity,
  by: Actor,
  target: UserId,
  wanted: JsonObject,
): Promise<void> {
  const content = await tools.membership.content({ action: 'invite', by, target, wanted });
  await tools.membership.remote.invite({ room, by: by.userId, target, content }).catch((error: unknown) => {
    // The room is there, and its creator can invite again.
    tools.logger.warn({ err: error, roomId: room.roomId, target }, 'a user of another server could not be invited');
  });
}

function directness(wishes: RoomWishes): JsonObject {
  return wishes.is_direct ? { is_direct: true } : {};
}

function checkedInvitees(invitees: readonly UserId[]): UserId[] {
  const stranger = invitees.find((invitee) => !isUserId(invitee));
  if (stranger !== undefined) throw invalidParam(`invite: ${String(stranger)} is not a user ID`);
  return [...new Set(invitees)];
}

function aliasOf(tools: CreationTools, localpart: string): RoomAlias {
  const alias = `#${localpart}:${tools.serverName}`;
  if (localpart === '' || /[\s:#]/.test(localpart) || !isRoomAlias(alias)) {
    throw invalidParam(`room_alias_name: ${JSON.stringify(localpart)} cannot be part of an alias`);
  }
  return alias;
}
