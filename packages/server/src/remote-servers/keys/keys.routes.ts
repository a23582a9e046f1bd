import * as federation from '@myelin/protocol/api/federation';
import { invalidParam } from '@myelin/protocol/errors';
import { isServerKeyId, isServerName, type KeyId, type ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import { route, type Route } from '../../platform/http/index.ts';
import type { Notary } from './notary.ts';
import type { OwnKeys } from './own-keys.ts';

/** This server's keys, and those of others as a notary. */
export function keyRoutes({
  ownKeys,
  notary,
  clock,
}: {
  readonly ownKeys: OwnKeys;
  readonly notary: Notary;
  readonly clock: Clock;
}): Route[] {
  return [
    route(federation.getServerKey, () => ownKeys.published()),
    route(federation.getServerKeyByKeyId, () => ownKeys.published()),
    route(federation.perspectivesKeyQuery, async ({ params, query, request }) => {
      const server: string = params.serverName;
      if (!isServerName(server)) throw invalidParam(`${server} is not a server name`);
      return { server_keys: await notary.query(new Map([[server, new Map()]]), request.ip, query.minimum_valid_until_ts) };
    }),
    route(federation.bulkPerspectivesKeyQuery, async ({ body, request }) => {
      const wanted = new Map<ServerName, ReadonlyMap<KeyId, number>>();
      for (const [server, keys] of Object.entries(body.server_keys)) {
        if (!isServerName(server)) throw invalidParam(`${server} is not a server name`);
        const ofServer = new Map<KeyId, number>();
        for (const [keyId, { minimum_valid_until_ts }] of Object.entries(keys)) {
          if (isServerKeyId(keyId)) ofServer.set(keyId, minimum_valid_until_ts ?? clock.now());
        }
        wanted.set(server, ofServer);
      }
      return { server_keys: await notary.query(wanted, request.ip) };
    }),
  ];
}
