import * as client from '@myelin/protocol/api/client';
import type { RoomId, UserId } from '@myelin/protocol/identifiers';

import { rawJson, route, type Route, type UserRequester } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import { joinRoom, knockOnRoom } from './join-room.ts';
import { forgetRoom, knownRoom, leaveRoom } from './leave-room.ts';
import { joinedMembers, memberEvents } from './member-lists.ts';
import type { MembershipTools } from './membership-tools.ts';
import { setMembership } from './set-membership.ts';
import type { MembershipAction } from './transitions.ts';

/** The client endpoints about who is in which room. */
export function membershipRoutes(tools: MembershipTools): Route[] {
  const others = async (
    action: MembershipAction,
    { params, body, requester }: ActionOnOthers,
  ): Promise<Record<string, never>> => {
    const room = await knownRoom(tools, params.roomId);
    const wanted = body.reason === undefined ? {} : { reason: body.reason };
    await setMembership(tools, { action, by: requester, target: body.user_id, room, wanted });
    return {};
  };
  return [
    route(client.joinRoomById, async ({ params, body, requester }) => ({
      room_id: await joinRoom(tools, { by: requester, room: params.roomId, ...reasonOf(body) }),
    })),
    route(client.joinRoom, async ({ params, query, body, requester }) => ({
      room_id: await joinRoom(tools, { by: requester, room: params.roomIdOrAlias, via: viaOf(query), ...reasonOf(body) }),
    })),
    route(client.knockRoom, async ({ params, query, body, requester }) => ({
      room_id: await knockOnRoom(tools, { by: requester, room: params.roomIdOrAlias, via: viaOf(query), ...reasonOf(body) }),
    })),
    route(client.leaveRoom, async ({ params, body, requester }) => {
      await leaveRoom(tools, { by: requester, roomId: params.roomId, ...reasonOf(body) });
      return {};
    }),
    route(client.forgetRoom, async ({ params, requester }) => {
      await forgetRoom(tools, requester.userId, params.roomId);
      return {};
    }),
    route(client.inviteUser, (input) => others('invite', input)),
    route(client.kick, (input) => others('kick', input)),
    route(client.ban, (input) => others('ban', input)),
    route(client.unban, (input) => others('unban', input)),
    route(client.getJoinedRooms, async ({ requester }) => {
      const nids = await tools.rooms.memberships.joinedRooms(viewerOf(requester).userNid);
      const rooms = await Promise.all(nids.map((nid) => tools.rooms.ids.byNid(nid)));
      return { joined_rooms: rooms.map(({ roomId }) => roomId) };
    }),
    route(client.getMembersByRoom, async ({ params, query, requester }) => {
      const members = await memberEvents(tools, viewerOf(requester), await knownRoom(tools, params.roomId), query);
      return rawJson(['{"chunk":[', members.join(','), ']}']);
    }),
    route(client.getJoinedMembersByRoom, async ({ params, requester }) => ({
      joined: await joinedMembers(tools, viewerOf(requester), await knownRoom(tools, params.roomId)),
    })),
  ];
}

interface ActionOnOthers {
  readonly params: { readonly roomId: RoomId };
  readonly body: { readonly user_id: UserId; readonly reason?: string };
  readonly requester: UserRequester;
}

function reasonOf({ reason }: { reason?: string }): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

function viaOf<Name>({ via = [], server_name = [] }: { via?: Name[]; server_name?: Name[] }): Name[] {
  return [...via, ...server_name];
}
