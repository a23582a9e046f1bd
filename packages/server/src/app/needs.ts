import type { ServerName } from '@myelin/protocol/identifiers';
import type { SigningKey } from '@myelin/protocol/signatures';

import type { Config } from '../config/index.ts';
import type { CacheBudget } from '../platform/cache/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Interner } from '../platform/database/index.ts';
import type { Logger } from '../platform/observability/index.ts';
import type { Random } from '../platform/random.ts';
import type { Limiter } from '../platform/rate-limits/index.ts';
import type { Notifier } from '../platform/streams/index.ts';
import type { RemoteServers } from '../remote-servers/index.ts';
import type { Rooms } from '../rooms/index.ts';

/** Everything there is to build features from. Each of them asks for the part that it needs. */
export interface AppNeeds {
  readonly config: Config;
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Other servers: asking them, their keys, their health. */
  readonly remoteServers: RemoteServers;
  readonly rooms: Rooms;
  readonly limiters: Readonly<Record<string, Limiter>>;
  readonly serverName: ServerName;
  /** What this server signs with. */
  readonly signingKey: SigningKey;
}
