import { isJsonObject } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';

import type { Database, Interner } from '../../platform/database/index.ts';
import type { EventDecorator, Rooms, StoredEvent, Viewer, VisibleEvent } from '../../rooms/index.ts';
import type { KnownParents } from './indexing/known-parents.ts';
import { relationOf } from './relation-of.ts';
import type { RelationTypes } from './relation-types.ts';
import { childrenByRelation, childrenOf } from './relations.store.ts';
import { threadSummaries } from './thread-summaries.ts';

/** What bundling reads. */
export interface BundleTools {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Rooms;
  readonly types: RelationTypes;
  readonly known: KnownParents;
}

/** Aggregations by parent: the members of `m.relations`. */
export type Bundles = Map<number, JsonObject>;

/** Edits and references of one answer; of more than that, the newest. */
const maxChildren = 5_000;
/** Edits of one event among which the latest is looked for. */
const maxEdits = 100;
const nothing: ReadonlyMap<number, JsonObject> = new Map();

/**
 * Adds `m.relations` to the `unsigned` of events that others relate to. Costs no query for those of which it is known that nothing
 * does, which is nearly all of them.
 * https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events
 */
export function bundleDecorator(tools: BundleTools): EventDecorator {
  return {
    name: 'relations',
    decorate: async (viewer, events) => {
      const parents = parentsAmong(tools, events);
      if (parents.length === 0) return nothing;
      const bundles = await bundlesOf(tools, viewer, parents, { threads: true });
      return new Map([...bundles].map(([nid, bundle]) => [nid, { 'm.relations': bundle }]));
    },
  };
}

function parentsAmong(tools: BundleTools, events: readonly StoredEvent[]): StoredEvent[] {
  // State events do not receive bundled aggregations.
  return events.filter((event) => !event.isState && tools.known.mayHaveChildren(event.nid));
}

/** What relates to these events, as far as the viewer may see it. Without threads: for the latest event of a thread itself. */
async function bundlesOf(
  tools: BundleTools,
  viewer: Viewer,
  parents: readonly StoredEvent[],
  options: { readonly threads: boolean },
): Promise<Bundles> {
  const { database, types, known } = tools;
  const { generation } = known;
  const related = new Map<number, Set<number>>();
  for (const row of await childrenByRelation(
    database,
    parents.map(({ nid }) => nid),
  )) {
    const kinds = related.get(row.parent_nid);
    if (kinds) kinds.add(row.rel_type_nid);
    else related.set(row.parent_nid, new Set([row.rel_type_nid]));
  }
  known.foundChildless(
    parents.filter(({ nid }) => !related.has(nid)).map(({ nid }) => nid),
    generation,
  );
  const having = (kind: number): StoredEvent[] => parents.filter(({ nid }) => related.get(nid)?.has(kind));
  const bundles: Bundles = new Map();
  await addReplacementsAndReferences(
    tools,
    viewer,
    { replaced: having(types.replace), referred: having(types.reference) },
    bundles,
  );
  const roots = options.threads ? having(types.thread) : [];
  if (roots.length > 0) await addThreads(tools, viewer, roots, bundles);
  return bundles;
}

async function addReplacementsAndReferences(
  tools: BundleTools,
  viewer: Viewer,
  parents: { readonly replaced: readonly StoredEvent[]; readonly referred: readonly StoredEvent[] },
  bundles: Bundles,
): Promise<void> {
  const { types } = tools;
  // What is redacted is not shown in a newer form either; and an edit cannot be edited.
  const edited = new Map(parents.replaced.filter((parent) => mayBeReplaced(parent)).map((parent) => [parent.nid, parent]));
  const referred = new Set(parents.referred.map(({ nid }) => nid));
  const nids = new Set([...edited.keys(), ...referred]);
  if (nids.size === 0) return;
  const rows = await childrenOf(tools.database, [...nids], [types.replace, types.reference], maxChildren);
  const edits = new Map<number, number[]>();
  const references = new Map<number, number[]>();
  for (const { parent_nid: parentNid, child_nid: childNid, rel_type_nid: kind, sender_nid: senderNid } of rows) {
    if (kind === types.reference) add(references, parentNid, childNid);
    else if (edited.get(parentNid)?.senderNid === senderNid && (edits.get(parentNid)?.length ?? 0) < maxEdits) {
      add(edits, parentNid, childNid);
    }
  }
  const visible = await visibleChildren(tools, viewer, [...edits.values(), ...references.values()].flat());
  const seen = (nidsOfChildren: readonly number[]): VisibleEvent[] => nidsOfChildren.flatMap((nid) => visible.get(nid) ?? []);
  const latest = new Map<number, VisibleEvent>();
  for (const [nid, children] of edits) {
    const parent = edited.get(nid);
    const valid = parent && latestOf(seen(children).filter(({ event }) => replaces(event, parent)));
    if (valid) latest.set(nid, valid);
  }
  const served = await tools.rooms.serving.serve(viewer, [...latest.values()], { withRoomId: true, bundle: false });
  for (const [index, nid] of [...latest.keys()].entries()) {
    bundle(bundles, nid)['m.replace'] = JSON.parse(served[index] as string) as JsonObject;
  }
  for (const [nid, children] of references) {
    // They were read newest first.
    const chunk = seen(children).map(({ event }) => ({ event_id: event.eventId }));
    if (referred.has(nid) && chunk.length > 0) bundle(bundles, nid)['m.reference'] = { chunk: chunk.reverse() };
  }
}

/** https://spec.matrix.org/v1.19/client-server-api/#server-side-aggregation-of-mthread-relationships */
async function addThreads(tools: BundleTools, viewer: Viewer, roots: readonly StoredEvent[], bundles: Bundles): Promise<void> {
  const threads = await threadSummaries(tools, viewer, roots);
  const latest = [...threads.values()].map((thread) => thread.latest);
  const served = await tools.rooms.serving.serve(viewer, latest, { withRoomId: true, bundle: false });
  // The latest event has its own edits and references; threads cannot be nested.
  const own = await bundlesOf(
    tools,
    viewer,
    parentsAmong(
      tools,
      latest.map(({ event }) => event),
    ),
    { threads: false },
  );
  for (const [index, [nid, thread]] of [...threads].entries()) {
    const event = JSON.parse(served[index] as string) as JsonObject;
    const relations = own.get(thread.latest.event.nid);
    if (relations) event['unsigned'] = { ...(event['unsigned'] as JsonObject | undefined), 'm.relations': relations };
    bundle(bundles, nid)['m.thread'] = {
      latest_event: event,
      count: thread.count,
      current_user_participated: thread.participated,
    };
  }
}

async function visibleChildren(
  tools: BundleTools,
  viewer: Viewer,
  nids: readonly number[],
): Promise<ReadonlyMap<number, VisibleEvent>> {
  const byRoom = new Map<number, StoredEvent[]>();
  for (const event of (await tools.rooms.events.byNids(nids)).values()) add(byRoom, event.roomNid, event);
  const visible = new Map<number, VisibleEvent>();
  for (const [roomNid, events] of byRoom) {
    for (const one of await tools.rooms.visibility.visibleTo(viewer, roomNid, events)) visible.set(one.event.nid, one);
  }
  return visible;
}

/** https://spec.matrix.org/v1.19/client-server-api/#validity-of-replacement-events, as far as it concerns the original */
function mayBeReplaced(original: StoredEvent): boolean {
  return original.redactedByNid === undefined && !original.isState && relationOf(original.content)?.relType !== 'm.replace';
}

/** The rest of it; sender and room have been compared. */
function replaces(replacement: StoredEvent, original: StoredEvent): boolean {
  if (replacement.isState || replacement.redactedByNid !== undefined || replacement.type !== original.type) return false;
  // The new content of an encrypted event is encrypted with it.
  return original.type === 'm.room.encrypted' || isJsonObject(replacement.content['m.new_content']);
}

/** By `origin_server_ts`, then by event id. */
function latestOf(edits: readonly VisibleEvent[]): VisibleEvent | undefined {
  let latest: VisibleEvent | undefined;
  for (const edit of edits) {
    const [now, before] = [edit.event, latest?.event];
    const difference = before === undefined ? 1 : now.originServerTs - before.originServerTs;
    if (difference > 0 || (difference === 0 && before !== undefined && now.eventId > before.eventId)) latest = edit;
  }
  return latest;
}

function bundle(bundles: Bundles, nid: number): JsonObject {
  const known = bundles.get(nid);
  if (known) return known;
  const made: JsonObject = {};
  bundles.set(nid, made);
  return made;
}

function add<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
