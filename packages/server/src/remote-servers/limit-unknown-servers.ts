import { domainOf, type UserId } from '@myelin/protocol/identifiers';

import type { Interner } from '../platform/database/index.ts';
import type { Limiter } from '../platform/rate-limits/index.ts';

export interface UnknownServersNeeds {
  readonly names: Pick<Interner, 'knownIdsOf'>;
  readonly limiters: Readonly<Record<string, Limiter>>;
}

/**
 * Counts those servers of users of which nothing here has ever heard against the user who has this one reach out to them: whoever shares a room with ours
 * is heard of, and names that are made up cost a search, a place in queues and attempts without end. Throws M_LIMIT_EXCEEDED, counting
 * nothing, where they are too many. (`rc_unknown_servers`)
 */
export async function limitUnknownServers(
  { names, limiters }: UnknownServersNeeds,
  by: UserId,
  users: Iterable<UserId>,
): Promise<void> {
  const servers = new Set(Array.from(users, (user) => domainOf(user)));
  const unknown = servers.size - (await names.knownIdsOf(servers)).size;
  if (unknown > 0) limiters['rc_unknown_servers']?.limit(by, unknown);
}
