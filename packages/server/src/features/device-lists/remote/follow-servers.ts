import type { ServerName } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../../platform/database/index.ts';
import type { Logger } from '../../../platform/observability/index.ts';
import type { RemoteServers } from '../../../remote-servers/index.ts';
import type { FetchLists } from './fetch-lists.ts';
import { markServerStale } from './remote-lists.store.ts';

export interface FollowServersNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly logger: Logger;
  readonly keys: Pick<RemoteServers['keys'], 'onOtherKey'>;
  readonly health: Pick<RemoteServers['health'], 'onSignOfLife'>;
  readonly fetch: FetchLists;
}

/**
 * Fetches what is missing of a server's lists as soon as it shows that it lives, and all of its lists when it comes by another signing
 * key: it may be another server by now, with other devices. Gives how to stop.
 */
export function followServers({ database, names, logger, keys, health, fetch }: FollowServersNeeds): () => void {
  const fetchFrom = (server: ServerName): void => {
    fetch
      .serverIsBack(server)
      .catch((error: unknown) => logger.warn({ err: error, server }, 'lists of devices are fetched later'));
  };
  keys.onOtherKey(async (server) => {
    const serverNid = await names.knownIdOf(server);
    if (serverNid === undefined) return;
    fetch.distrust(server);
    await database.write((tx) => markServerStale(tx, serverNid));
    fetchFrom(server);
  });
  return health.onSignOfLife(fetchFrom);
}
