import * as client from '@myelin/protocol/api/client';
import { missingToken } from '@myelin/protocol/errors';
import type { Static } from 'typebox';

import type { Config } from '../../config/index.ts';
import { route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import { aliasNotFound, type Aliases } from './aliases.ts';
import type { PublicRoomsQuery, PublishedRooms } from './published-rooms.ts';
import { summariseRoom, type RoomSummaryNeeds } from './room-summary.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#room-aliases and #published-room-directory */
export function roomDirectoryRoutes(needs: {
  readonly config: Pick<Config, 'allow_public_rooms_without_auth'>;
  readonly aliases: Aliases;
  readonly published: PublishedRooms;
  readonly summaries: RoomSummaryNeeds;
}): Route[] {
  const { config, aliases, published, summaries } = needs;
  return [
    route(client.setRoomAlias, async ({ params, body, requester }) => {
      await aliases.create(params.roomAlias, body.room_id, requester);
      return {};
    }),
    route(client.getRoomIdByAlias, async ({ params }) => {
      const target = await aliases.resolve(params.roomAlias);
      if (!target) throw aliasNotFound(params.roomAlias);
      return { room_id: target.roomId, servers: [...target.servers] };
    }),
    route(client.deleteRoomAlias, async ({ params, requester }) => {
      await aliases.delete(params.roomAlias, requester);
      return {};
    }),
    route(client.getLocalAliases, async ({ params, requester }) => ({
      aliases: await aliases.ofRoom(params.roomId, viewerOf(requester), requester),
    })),
    route(client.getRoomVisibilityOnDirectory, async ({ params }) => ({
      visibility: await published.visibilityOf(params.roomId),
    })),
    route(client.setRoomVisibilityOnDirectory, async ({ params, body, requester }) => {
      await published.setVisibility(params.roomId, body?.visibility ?? 'public', requester);
      return {};
    }),
    route(client.getPublicRooms, ({ query, requester }) => {
      if (requester.kind === 'anonymous' && !config.allow_public_rooms_without_auth) throw missingToken();
      return published.list(publicRoomsQuery(query), query.server);
    }),
    route(client.queryPublicRooms, ({ query, body }) => published.list(publicRoomsQuery(body ?? {}), query.server)),
    route(client.getRoomSummary, async ({ params, query, requester, request }) => {
      const viewer = requester.kind === 'user' ? viewerOf(requester) : undefined;
      const summary = await summariseRoom(summaries, viewer, { room: params.roomIdOrAlias, via: query.via ?? [] });
      if (!request.url.startsWith('/_matrix/client/unstable/')) return summary;
      // As the proposal named them: https://github.com/matrix-org/matrix-spec-proposals/pull/3266
      const { room_version: version, encryption } = summary;
      return {
        ...summary,
        ...(version !== undefined && { 'im.nheko.summary.room_version': version }),
        ...(encryption !== undefined && { 'im.nheko.summary.encryption': encryption }),
      };
    }),
  ];
}

/** What is asked of a directory, by query or body; federation asks in the same words. */
export function publicRoomsQuery(asked: Static<typeof client.PublicRoomsSearch>): PublicRoomsQuery {
  const { limit, since, filter, include_all_networks: allNetworks, third_party_instance_id: network } = asked;
  const term = filter?.generic_search_term;
  const roomTypes = filter?.room_types;
  return {
    limit: limit === undefined ? undefined : Math.max(0, limit),
    since,
    filter: { ...(term !== undefined && { term }), ...(roomTypes !== undefined && { roomTypes }) },
    ...(network && !allNetworks && { network }),
  };
}
