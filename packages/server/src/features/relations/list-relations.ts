import type { EventId } from '@myelin/protocol/identifiers';

import {
  encodePaginationToken,
  tokenAfter,
  tokenBefore,
  type PaginationToken,
  type Viewer,
  type VisibleEvent,
} from '../../rooms/index.ts';
import { tokenFrom, visibleEventOrNotFound } from '../room-history/index.ts';
import type { BundleTools } from './bundle-aggregations.ts';
import { pageOfChildren } from './relations.store.ts';

/** Which of an event's relations are asked for. */
export interface RelationsQuery {
  readonly roomId: string;
  readonly parentId: EventId;
  readonly relType?: string | undefined;
  readonly eventType?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit?: number | undefined;
  readonly dir?: 'b' | 'f' | undefined;
  readonly recurse?: boolean | undefined;
}

/** A page of them as JSON texts. */
export interface RelationsPage {
  readonly chunk: readonly string[];
  readonly nextBatch: string | undefined;
  readonly prevBatch: string | undefined;
  readonly recursionDepth: number | undefined;
}

const defaultLimit = 50;
const maxLimit = 1_000;
/** How many events one request may look at; the rest is for the next one. */
const maxScanned = 2_000;
const recursionDepth = 3;

/**
 * The events that relate to an event, as far as the viewer may see them.
 * Throws M_NOT_FOUND where the event is not there for the viewer, M_INVALID_PARAM for tokens that are none.
 * https://spec.matrix.org/v1.19/client-server-api/#relationships-api
 */
export async function listRelations(tools: BundleTools, viewer: Viewer, query: RelationsQuery): Promise<RelationsPage> {
  const { database, names, rooms } = tools;
  const from = tokenFrom(query.from, 'from');
  const to = tokenFrom(query.to, 'to');
  const { room, event: parent } = await visibleEventOrNotFound(rooms, viewer, query.roomId, query.parentId);
  const relTypeNid = query.relType === undefined ? undefined : await names.knownIdOf(query.relType);
  const typeNid = query.eventType === undefined ? undefined : await names.knownIdOf(query.eventType);
  const unheardOf =
    (query.relType !== undefined && relTypeNid === undefined) || (query.eventType !== undefined && typeNid === undefined);
  const limit = Math.min(maxLimit, Math.max(1, query.limit ?? defaultLimit));
  const direction = query.dir ?? 'b';
  const levels = query.recurse ? recursionDepth : 1;
  const found: VisibleEvent[] = [];
  let stoppedAt = from;
  let more = !unheardOf;
  let scanned = 0;
  while (more && scanned < maxScanned && found.length < limit) {
    const asked = limit - found.length + 1;
    const places = await pageOfChildren(database, parent.nid, {
      relTypeNid,
      typeNid,
      from: stoppedAt,
      to,
      direction,
      limit: asked,
      levels,
    });
    const events = await rooms.events.listByNids(places.map((place) => place.child_nid));
    const visible = new Map((await rooms.visibility.visibleTo(viewer, room.nid, events)).map((one) => [one.event.nid, one]));
    more = places.length === asked;
    scanned += places.length;
    for (const event of events) {
      if (found.length === limit) break;
      const one = visible.get(event.nid);
      if (one) found.push(one);
      stoppedAt = placeBeyond(event, direction);
    }
  }
  return {
    chunk: await rooms.serving.serve(viewer, found, { withRoomId: true }),
    nextBatch: more && stoppedAt ? encodePaginationToken(stoppedAt) : undefined,
    prevBatch: query.from === '' ? undefined : query.from,
    recursionDepth: query.recurse === undefined ? undefined : levels,
  };
}

function placeBeyond(event: VisibleEvent['event'], direction: 'b' | 'f'): PaginationToken {
  return direction === 'b' ? tokenBefore(event) : tokenAfter(event);
}
