import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import { forbidden, incompatibleRoomVersion, inviteBlocked, invalidParam, missingParam, notFound } from '@myelin/protocol/errors';
import { checkPduFormat, eventIdOf, roomIdOfCreate, signPdu, type Pdu } from '@myelin/protocol/events';
import { domainOf, isUserId, type EventId, type RoomId, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import { isServerAllowed } from '@myelin/protocol/server-acl';

import {
  memberFault,
  mostShown,
  strippedEvents,
  strippedStateJson,
  type NamedRoom,
} from '../../../federation/membership/index.ts';
import type { RoomIdentity } from '../../../rooms/index.ts';
import { blocksInvites } from '../invites.ts';
import { isServerIn } from '../membership-tools.ts';
import type { ServerMembershipTools } from './server-tools.ts';

/** Another server invites one of our users. */
export interface IncomingInvite {
  readonly roomId: RoomId;
  /** As the path has it. */
  readonly eventId: EventId;
  readonly origin: ServerName;
  readonly version: string;
  readonly event: unknown;
  /** The same with numbers as they were spelt: the oldest room versions hash them so. */
  readonly exactEvent: () => unknown;
  /** Absent where the other server shows nothing of the room. */
  readonly shown: readonly unknown[] | undefined;
}

/**
 * Signs an invite and keeps it for the user, who sees it by `/sync`. Throws M_INCOMPATIBLE_ROOM_VERSION, M_INVALID_PARAM for what is no
 * invite of one of our users by one of theirs, M_MISSING_PARAM where the room is not shown, M_NOT_FOUND for users who do not exist,
 * M_FORBIDDEN, M_INVITE_BLOCKED, M_LIMIT_EXCEEDED.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
 */
export async function receiveInvite(tools: ServerMembershipTools, invite: IncomingInvite): Promise<Pdu> {
  const rules = roomVersionRules(invite.version);
  if (!rules) throw incompatibleRoomVersion(invite.version);
  const room: NamedRoom = { roomId: invite.roomId, rules };
  checkVersion(room, invite.shown);
  const pdu = await signedInvite(tools, room, invite);
  const target = pdu.state_key as UserId;
  await checkInvitable(tools, { origin: invite.origin, room, target, shown: invite.shown ?? [] });
  const shown = await checkShown(tools, room, invite.shown);
  const signed = signPdu(pdu, tools.serverName, tools.signingKey, rules);
  // A room that we are in gets the invite like all its other events: what it does to the state is decided there.
  await tools.rooms.receiving.receiveOutOfBand(room.roomId, rules, {
    event: signed,
    strippedState: strippedStateJson(shown, signed),
  });
  return signed;
}

/**
 * What can be told of a room that nobody here knows: whether its id is one of its version, and its create event says the same. A false
 * version would stand in the way of who joins the room later.
 */
function checkVersion({ roomId, rules }: NamedRoom, shown: readonly unknown[] = []): void {
  if (rules.roomIdIsCreateEventHash !== (domainOf(roomId) === undefined)) {
    throw invalidParam(`${roomId} is no id of a room of version ${rules.id}`);
  }
  const create = strippedEvents(shown).find(({ type, state_key }) => type === 'm.room.create' && state_key === '');
  const content = create?.['content'];
  const version = isJsonObject(content) ? (own(content, 'room_version') ?? '1') : rules.id;
  if (version !== rules.id) throw invalidParam(`The room was created with another version than ${rules.id}`);
}

/** The event, if it is an invite of one of our users that one of the other server's users has made and that server has signed. */
async function signedInvite(tools: ServerMembershipTools, room: NamedRoom, invite: IncomingInvite): Promise<Pdu> {
  const { origin, eventId, event, exactEvent } = invite;
  const format = checkPduFormat(event, room.rules);
  if (!format.ok) throw invalidParam(format.reason);
  const fault = memberFault(event, { roomId: room.roomId, membership: 'invite' });
  if (fault !== undefined) throw invalidParam(fault);
  const { sender, state_key: target } = format.pdu;
  if (domainOf(sender) !== origin) throw invalidParam(`The sender is not a user of ${origin}`);
  if (target === undefined || !isUserId(target) || domainOf(target) !== tools.serverName) {
    throw invalidParam('The state key is not a user of this server');
  }
  const [verdict] = await tools.rooms.receiving.atTheDoor(room, [exactEvent()]);
  if (!verdict?.ok) throw invalidParam(verdict?.reason ?? 'The event was not looked at');
  if (verdict.eventId !== eventId) throw invalidParam(`The event is ${verdict.eventId}, not ${eventId}`);
  return verdict.pdu;
}

async function checkInvitable(
  tools: ServerMembershipTools,
  {
    origin,
    room,
    target,
    shown,
  }: { readonly origin: ServerName; readonly room: NamedRoom; readonly target: UserId; readonly shown: readonly unknown[] },
): Promise<void> {
  const { config, rooms, limiters } = tools;
  const account = await tools.accounts.find(target);
  if (!account) throw notFound(`${target} does not exist`);
  if (account.isDeactivated) throw forbidden(`${target} does not take part any more`);
  if (config.block_non_admin_invites) throw forbidden('Invites have been disabled on this server');
  if (await blocksInvites(tools, target)) throw inviteBlocked();
  const known = await rooms.ids.find(room.roomId);
  if (known && known.rules.id !== room.rules.id && !(await isProven(tools, room, known, shown))) {
    throw invalidParam(`The room has version ${known.rules.id}`);
  }
  if (known && (await isServerIn(rooms, known))) {
    const acl = await rooms.states.current(known.nid, 'm.room.server_acl', '');
    if (!isServerAllowed(acl?.content, origin)) throw forbidden(`The room does not let ${origin} take part`);
  }
  limiters['rc_invites.per_room']?.limit(room.roomId);
  limiters['rc_invites.per_user']?.limit(target);
}

/**
 * Of a room in which this server has never been, it knows the version by what others said. Who says otherwise is believed with the create
 * event whole, signed by the server that the room's id names.
 */
async function isProven(
  { rooms }: ServerMembershipTools,
  room: NamedRoom,
  known: RoomIdentity,
  shown: readonly unknown[],
): Promise<boolean> {
  if ((await rooms.states.current(known.nid, 'm.room.create', '')) !== undefined) return false;
  const create = shown.find((event) => isJsonObject(event) && own(event, 'type') === 'm.room.create');
  const [verdict] = await rooms.receiving.atTheDoor(room, [create]);
  if (!verdict?.ok || verdict.pdu.state_key !== '') return false;
  const version = own(verdict.pdu.content, 'room_version') ?? '1';
  return version === room.rules.id && domainOf(verdict.pdu.sender) === domainOf(room.roomId);
}

/**
 * What is shown of the room: from room version 12 on whole events of that room with its create event among them, before that whatever
 * older servers send.
 */
async function checkShown(
  tools: ServerMembershipTools,
  room: NamedRoom,
  shown: readonly unknown[] | undefined,
): Promise<readonly unknown[]> {
  if (!room.rules.roomIdIsCreateEventHash) return shown ?? [];
  if (!shown) throw missingParam('invite_room_state');
  // Each may be signed by another server, whose keys would have to be asked for.
  const verdicts = await tools.rooms.receiving.atTheDoor(room, shown.slice(0, mostShown));
  const pdus = verdicts.map((verdict) => {
    if (!verdict.ok) throw invalidParam(`invite_room_state: ${verdict.reason}`);
    if (roomOf(verdict.pdu, room.rules) !== room.roomId) throw invalidParam('invite_room_state has an event of another room');
    return verdict.pdu;
  });
  if (!pdus.some(({ type, state_key }) => type === 'm.room.create' && state_key === '')) {
    throw invalidParam('invite_room_state lacks the m.room.create event');
  }
  return pdus;
}

function roomOf(pdu: Pdu, rules: RoomVersionRules): RoomId {
  return pdu.room_id ?? roomIdOfCreate(eventIdOf(pdu, rules));
}
