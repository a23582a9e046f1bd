import { notFound } from '@myelin/protocol/errors';
import type { RoomId, ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { UserRequester } from '../../platform/http/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Limiter } from '../../platform/rate-limits/index.ts';
import type { Turns } from '../../platform/turns.ts';
import type { RoomIdentity, Rooms } from '../../rooms/index.ts';
import type { RoomMembership } from '../room-membership/index.ts';
import type { AliasTargets, RelatedEvents } from './neighbours.ts';

/** What sending works with. */
export interface MessageTools {
  readonly config: Pick<Config, 'rc_admin_redaction' | 'redaction_retention_period'>;
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Rooms;
  readonly clock: Clock;
  readonly limiters: Readonly<Record<string, Limiter>>;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly membership: RoomMembership;
  readonly aliases: AliasTargets;
  readonly related: RelatedEvents;
  /** By user and the event that they react to. */
  readonly annotating: Turns<string>;
}

/** A room that this server knows; throws M_NOT_FOUND. */
export async function knownRoom(rooms: Rooms, roomId: RoomId): Promise<RoomIdentity> {
  const room = await rooms.ids.find(roomId);
  if (!room) throw notFound(`Unknown room ${roomId}`);
  return room;
}

/**
 * The moment that a request wants its event to bear: application services may choose it, what others say about it is passed over.
 * https://spec.matrix.org/v1.19/application-service-api/#timestamp-massaging
 */
export function massagedTimestamp(by: UserRequester, ts: number | undefined): { originServerTs?: number } {
  return by.appservice && ts !== undefined ? { originServerTs: ts } : {};
}
