import type { RelatedBy } from '@myelin/protocol/filters';

import type { StoredEvent, Viewer } from '../../rooms/index.ts';
import type { BundleTools } from './bundle-aggregations.ts';
import { sendersOfChildren } from './relations.store.ts';

/**
 * Who relates to these events and how, for `related_by_senders` and `related_by_rel_types` of filters. Ignored users do not count, nor
 * what came after the viewer had left. Events without relations are left out.
 * https://spec.matrix.org/v1.19/client-server-api/#filtering
 */
export async function relatedBy(
  tools: BundleTools,
  viewer: Viewer,
  events: readonly StoredEvent[],
): Promise<Map<number, RelatedBy>> {
  const { database, names, rooms, known } = tools;
  const found = new Map<number, { senders: Set<string>; relTypes: Set<string> }>();
  const parents = events.filter((event) => known.mayHaveChildren(event.nid));
  const ignored = await rooms.hooks.ignoredUsers(viewer.userNid);
  for (const roomNid of new Set(parents.map((parent) => parent.roomNid))) {
    const access = await rooms.visibility.accessTo(viewer, roomNid);
    if (!access) continue;
    const nids = parents.filter((parent) => parent.roomNid === roomNid).map(({ nid }) => nid);
    const rows = await sendersOfChildren(database, nids, access.until?.position ?? Number.MAX_SAFE_INTEGER);
    const texts = await names.textsOf(new Set(rows.flatMap((row) => [row.sender_nid, row.rel_type_nid])));
    for (const row of rows) {
      const [sender, relType] = [texts.get(row.sender_nid), texts.get(row.rel_type_nid)];
      if (sender === undefined || relType === undefined || ignored.has(sender)) continue;
      const one = found.get(row.parent_nid) ?? { senders: new Set(), relTypes: new Set() };
      one.senders.add(sender);
      one.relTypes.add(relType);
      found.set(row.parent_nid, one);
    }
  }
  return found;
}
