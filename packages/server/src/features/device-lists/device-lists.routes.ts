import * as client from '@myelin/protocol/api/client';
import { invalidParam } from '@myelin/protocol/errors';

import { route, type Route } from '../../platform/http/index.ts';
import { decodeSyncToken, type SyncToken } from '../../platform/streams/index.ts';
import { viewerOf, type Rooms } from '../../rooms/index.ts';
import { listChanges, type ListChangesTools } from './list-changes.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges */
export function deviceListRoutes(tools: ListChangesTools & { readonly rooms: Pick<Rooms, 'stream'> }): Route[] {
  return [
    route(client.getKeysChanges, async ({ query, requester }) => {
      const since = tokenOf('from', query.from, tools.rooms.stream.now);
      const to = tokenOf('to', query.to, tools.rooms.stream.now);
      // What came after `to` does no harm in the answer: the client asks for those users' keys once, and has the newest.
      const upTo = { ...to, events: tools.rooms.stream.now, device_lists: tools.news.stream.now };
      const { changed, left } = await listChanges(tools, viewerOf(requester), since, upTo);
      return { changed: [...changed], left: [...left] };
    }),
  ];
}

/** Throws M_INVALID_PARAM for what is no token of this server. */
function tokenOf(name: string, text: string, now: number): SyncToken {
  const token = decodeSyncToken(text);
  if (!token || token.events > now) throw invalidParam(`${name} is not a token of this server`);
  return token;
}
