import type { PaginationToken, StoredEvent, Viewer, VisibleEvent } from '../../rooms/index.ts';
import type { BundleTools } from './bundle-aggregations.ts';
import { pageOfChildren } from './relations.store.ts';
import { countThreads } from './threads.store.ts';

/** A thread as one viewer sees it. */
export interface ThreadSummary {
  readonly latest: VisibleEvent;
  readonly count: number;
  readonly participated: boolean;
}

/** How many of a thread's last events are looked at for one that the viewer may see: first a few, then more. */
const looks = [5, 200];

/**
 * What threads are to a viewer, by their roots; those of which they may see nothing are left out. Events of ignored users do not
 * count, nor what came after the viewer had left.
 * https://spec.matrix.org/v1.19/client-server-api/#server-side-aggregation-of-mthread-relationships
 */
export async function threadSummaries(
  tools: BundleTools,
  viewer: Viewer,
  roots: readonly StoredEvent[],
): Promise<Map<number, ThreadSummary>> {
  const { database, names, rooms, types } = tools;
  const ignored = await rooms.hooks.ignoredUsers(viewer.userNid);
  const without = [...(await names.knownIdsOf(ignored)).values()];
  const summaries = new Map<number, ThreadSummary>();
  for (const roomNid of new Set(roots.map((root) => root.roomNid))) {
    const access = await rooms.visibility.accessTo(viewer, roomNid);
    if (!access) continue;
    const upTo = access.until?.position ?? Number.MAX_SAFE_INTEGER;
    const inRoom = roots.filter((root) => root.roomNid === roomNid);
    const [counts, latest] = await Promise.all([
      countThreads(
        database,
        inRoom.map(({ nid }) => nid),
        { threadRelNid: types.thread, upTo, without, userNid: viewer.userNid },
      ),
      Promise.all(inRoom.map((root) => latestVisible(tools, viewer, root, upTo))),
    ]);
    const counted = new Map(counts.map((row) => [row.parent_nid, row]));
    for (const [index, root] of inRoom.entries()) {
      const [count, last] = [counted.get(root.nid), latest[index]];
      if (!count || !last) continue;
      const participated = root.senderNid === viewer.userNid || count.own > 0;
      summaries.set(root.nid, { latest: last, count: count.events, participated });
    }
  }
  return summaries;
}

async function latestVisible(
  { database, rooms, types }: BundleTools,
  viewer: Viewer,
  root: StoredEvent,
  upTo: number,
): Promise<VisibleEvent | undefined> {
  const from: PaginationToken = { order: 'stream', position: upTo };
  for (const limit of looks) {
    const places = await pageOfChildren(database, root.nid, { relTypeNid: types.thread, from, direction: 'b', limit, levels: 1 });
    const events = await rooms.events.listByNids(places.map((place) => place.child_nid));
    const [latest] = await rooms.visibility.visibleTo(viewer, root.roomNid, events);
    if (latest || places.length < limit) return latest;
  }
  return undefined;
}
