import { guestAccessForbidden, invalidParam, MatrixError } from '@myelin/protocol/errors';
import { readGuestsMayJoin, type JsonObject } from '@myelin/protocol/events';
import { domainOf, isUserId, type EventId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import { membershipIn, serversOfRoom, type Alongside, type RoomIdentity, type StoredEvent } from '../../rooms/index.ts';
import { checkInvites } from './invites.ts';
import { memberContent } from './member-content.ts';
import { isServerIn, limit, type Actor, type MembershipTools } from './membership-tools.ts';
import { askOthers, enterThroughOthers } from './remote-membership.ts';
import { authoriserOfJoin } from './restricted-join.ts';
import { checkTransition, type MembershipAction } from './transitions.ts';

/** Somebody changes a membership, their own or another's. */
export interface MembershipStep {
  readonly action: MembershipAction;
  readonly by: Actor;
  readonly target: UserId;
  readonly room: RoomIdentity;
  /** What the client wants in the event beside the membership. */
  readonly wanted?: JsonObject;
  /** Servers that may help, should this one not be in the room. */
  readonly via?: readonly ServerName[];
  /** Milliseconds since 1970, where an application service sets it. */
  readonly originServerTs?: number;
  readonly alongside?: Alongside;
}

/**
 * Changes a membership in a room that this server knows. The room's own rules decide last, in its turn. The answer is the event that
 * is in force: undefined where another server has made it. Throws M_FORBIDDEN, M_BAD_STATE, M_GUEST_ACCESS_FORBIDDEN,
 * M_INVITE_BLOCKED, M_UNABLE_TO_GRANT_JOIN, M_LIMIT_EXCEEDED, M_INVALID_PARAM.
 * https://spec.matrix.org/v1.19/client-server-api/#room-membership
 */
export async function setMembership(tools: MembershipTools, step: MembershipStep): Promise<EventId | undefined> {
  const { action, by, target, room } = step;
  if (!isUserId(target)) throw invalidParam(`${String(target)} is not a user ID`);
  const enters = (action === 'join' || action === 'knock') && target === by.userId;
  if (enters && !(await isServerIn(tools.rooms, room))) {
    // What is known here of the room's state may be long out of date.
    const entry = { action, by, roomId: room.roomId, wanted: step.wanted ?? {}, via: step.via ?? [] };
    if (await enterThroughOthers(tools, entry)) return undefined;
  }
  if (target !== by.userId) await tools.rooms.partial.untilComplete(room.nid);
  const current = await tools.rooms.states.current(room.nid, 'm.room.member', target);
  if (enters && !current && tools.rooms.partial.of(room.nid)) {
    // Whether the user is banned, or invited, this server does not know yet: those that do let them in.
    const via = [...(step.via ?? []), ...(await otherServers(tools, room))];
    await askOthers(tools, { action, by, roomId: room.roomId, wanted: step.wanted ?? {}, via });
    return undefined;
  }
  const from = current && membershipIn(current.content);
  // Who asks again to leave, having left, has what they want.
  if (action === 'leave' && from === 'leave' && current?.sender === by.userId && by.userId === target) return current.eventId;
  checkTransition(action, from, target);
  const content = await memberContent(tools, { action, by, target, wanted: step.wanted ?? {} });
  if (action === 'join' && !(await prepareJoin(tools, step, current, content))) return undefined;
  if (action === 'invite') {
    await checkInvites(tools, { by, targets: [target], roomId: room.roomId });
    if (domainOf(target) !== tools.serverName) {
      await tools.remote.invite({ room, by: by.userId, target, content });
      return undefined;
    }
  }
  const [sent] = await tools.rooms.send(
    room,
    [
      {
        type: 'm.room.member',
        sender: by.userId,
        stateKey: target,
        content,
        ...(step.originServerTs !== undefined && { originServerTs: step.originServerTs }),
      },
    ],
    { ...(step.alongside && { alongside: step.alongside }) },
  );
  return sent?.eventId;
}

/** Adds to the content who lets the user in, where somebody must; false where another server has let them in already. */
async function prepareJoin(
  tools: MembershipTools,
  step: MembershipStep,
  current: StoredEvent | undefined,
  content: JsonObject,
): Promise<boolean> {
  const { by, target, room } = step;
  const from = current && membershipIn(current.content);
  // A new name in the room is a join as well; neither doors nor limits concern it.
  if (from === 'join') return true;
  if (by.isGuest) {
    const access = await tools.rooms.states.current(room.nid, 'm.room.guest_access', '');
    if (!readGuestsMayJoin(access?.content)) throw guestAccessForbidden();
  }
  limit(tools, 'rc_joins.local', by, by.userId);
  limit(tools, 'rc_joins_per_room', by, room.roomId);
  try {
    const authoriser = await authoriserOfJoin(tools, room, target, from);
    if (authoriser !== undefined) content['join_authorised_via_users_server'] = authoriser;
    return true;
  } catch (error) {
    const others = await otherServers(tools, room);
    if (!(error instanceof MatrixError) || !canOthersHelp.has(error.errcode) || others.length === 0) throw error;
    await askOthers(tools, { action: 'join', by, roomId: room.roomId, wanted: step.wanted ?? {}, via: others });
    return false;
  }
}

/** What this server cannot decide, or cannot grant, another in the room may. */
const canOthersHelp: ReadonlySet<string> = new Set(['M_UNABLE_TO_AUTHORISE_JOIN', 'M_UNABLE_TO_GRANT_JOIN']);

async function otherServers(tools: MembershipTools, room: RoomIdentity): Promise<ServerName[]> {
  return (await serversOfRoom(tools, room.nid)).filter((server) => server !== tools.serverName);
}
