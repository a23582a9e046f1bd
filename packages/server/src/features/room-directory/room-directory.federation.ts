import * as federation from '@myelin/protocol/api/federation';
import { forbidden, invalidParam } from '@myelin/protocol/errors';
import { domainOf, type ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import { route, type Route } from '../../platform/http/index.ts';
import { aliasNotFound, type Aliases } from './aliases.ts';
import type { PublishedRooms } from './published-rooms.ts';
import { publicRoomsQuery } from './room-directory.routes.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#published-room-directory and #get_matrixfederationv1querydirectory */
export function roomDirectoryFederation(needs: {
  readonly config: Pick<Config, 'allow_public_rooms_over_federation'>;
  readonly serverName: ServerName;
  readonly aliases: Aliases;
  readonly published: PublishedRooms;
}): Route[] {
  const { aliases, published, serverName } = needs;
  const checkOpen = (): void => {
    if (!needs.config.allow_public_rooms_over_federation) throw forbidden('The directory of this server is for its own users');
  };
  return [
    route(federation.getPublicRooms, ({ query }) => {
      checkOpen();
      return published.list(publicRoomsQuery(query));
    }),
    route(federation.queryPublicRooms, ({ body }) => {
      checkOpen();
      return published.list(publicRoomsQuery(body));
    }),
    route(federation.queryRoomDirectory, async ({ query }) => {
      const alias = query.room_alias;
      if (domainOf(alias) !== serverName) throw invalidParam(`${alias} is not an alias of this server`);
      const target = await aliases.resolve(alias);
      if (!target) throw aliasNotFound(alias);
      return { room_id: target.roomId, servers: [...target.servers] };
    }),
  ];
}
