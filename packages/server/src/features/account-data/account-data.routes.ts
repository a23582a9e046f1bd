import * as client from '@myelin/protocol/api/client';
import { forbidden, notFound } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { RoomId, UserId } from '@myelin/protocol/identifiers';

import { rawJson, route, type Route, type UserRequester } from '../../platform/http/index.ts';
import { viewerOf, type Rooms } from '../../rooms/index.ts';
import type { AccountData } from './account-data.ts';
import { tagsIn, tagsType, withoutTag, withTag } from './tags.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#client-config and #room-tagging */
export function accountDataRoutes(accountData: AccountData, rooms: Pick<Rooms, 'ids'>): Route[] {
  const roomNid = async (roomId: RoomId): Promise<number> => {
    const room = await rooms.ids.find(roomId);
    if (!room) throw notFound('This server does not know the room');
    return room.nid;
  };
  return [
    route(client.getAccountData, async ({ params, requester }) => {
      const text = await accountData.read(ownNid(requester, params.userId), params.type);
      if (text === undefined) throw notFound('Account data not found');
      return rawJson(text);
    }),
    route(client.setAccountData, async ({ params, body, requester }) => {
      const userNid = ownNid(requester, params.userId);
      accountData.refuseServerManaged(params.type);
      await accountData.set(userNid, params.type, body);
      return {};
    }),
    route(client.deleteAccountData, async ({ params, requester }) => {
      const userNid = ownNid(requester, params.userId);
      accountData.refuseServerManaged(params.type);
      await accountData.delete(userNid, params.type);
      return {};
    }),
    route(client.getAccountDataPerRoom, async ({ params, requester }) => {
      const userNid = ownNid(requester, params.userId);
      const text = await accountData.read(userNid, params.type, await roomNid(params.roomId));
      if (text === undefined) throw notFound('Room account data not found');
      return rawJson(text);
    }),
    route(client.setAccountDataPerRoom, async ({ params, body, requester }) => {
      const userNid = ownNid(requester, params.userId);
      accountData.refuseServerManaged(params.type);
      await accountData.set(userNid, params.type, body, await roomNid(params.roomId));
      return {};
    }),
    route(client.deleteAccountDataPerRoom, async ({ params, requester }) => {
      const userNid = ownNid(requester, params.userId);
      accountData.refuseServerManaged(params.type);
      await accountData.delete(userNid, params.type, await roomNid(params.roomId));
      return {};
    }),
    route(client.getRoomTags, async ({ params, requester }) => {
      const userNid = ownNid(requester, params.userId);
      const tags = tagsIn(await accountData.readContent(userNid, tagsType, await roomNid(params.roomId)));
      return rawJson(JSON.stringify({ tags }));
    }),
    route(client.setRoomTag, async ({ params, body, requester }) => {
      const userNid = ownNid(requester, params.userId);
      const change = async (before: JsonObject | undefined) => ({ content: withTag(before, params.tag, body) });
      await accountData.update(userNid, tagsType, await roomNid(params.roomId), change);
      return {};
    }),
    route(client.deleteRoomTag, async ({ params, requester }) => {
      const userNid = ownNid(requester, params.userId);
      await accountData.update(userNid, tagsType, await roomNid(params.roomId), async (before) => {
        const content = withoutTag(before, params.tag);
        return content && { content };
      });
      return {};
    }),
  ];
}

/** Account data is its owner's alone. Throws M_FORBIDDEN. */
function ownNid(requester: UserRequester, userId: UserId): number {
  if (requester.userId !== userId) throw forbidden("Nobody may read or change another user's account data");
  return viewerOf(requester).userNid;
}
