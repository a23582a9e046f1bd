import type { StoredEvent } from '../../rooms/index.ts';
import type { BundleTools } from './bundle-aggregations.ts';
import { relationOf } from './relation-of.ts';
import { childrenBySender, childrenIn } from './relations.store.ts';

/** An annotation that is about to be sent. */
export interface AnnotationToCheck {
  readonly roomNid: number;
  /** The event that it is about. */
  readonly targetNid: number;
  readonly senderNid: number;
  /** Of the event, such as `m.reaction`. */
  readonly type: string;
  readonly key: string;
}

/**
 * Has this user annotated this event with the same key already, by an event of the same type?
 * https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations
 */
export async function hasAnnotation(tools: BundleTools, annotation: AnnotationToCheck): Promise<boolean> {
  const { database, names, rooms, types } = tools;
  const parent = await rooms.events.byNid(annotation.targetNid);
  const typeNid = await names.knownIdOf(annotation.type);
  if (!parent || typeNid === undefined || parent.roomNid !== annotation.roomNid) return false;
  if (!tools.known.mayHaveChildren(parent.nid)) return false;
  const nids = await childrenBySender(database, parent.nid, {
    relTypeNid: types.annotation,
    typeNid,
    senderNid: annotation.senderNid,
  });
  const same = (event: StoredEvent): boolean => relationOf(event.content)?.key === annotation.key;
  return [...(await rooms.events.byNids(nids)).values()].some(same);
}

/** The most events that one redaction may take with it. */
const maxRelated = 1_000;

/**
 * The events that relate to one in some ways, newest first; `*` stands for all ways. For redactions that take them along.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/3912
 */
export async function relatedTo(tools: BundleTools, targetNid: number, relTypes: readonly string[]): Promise<number[]> {
  if (!tools.known.mayHaveChildren(targetNid)) return [];
  const wanted = relTypes.includes('*') ? undefined : [...(await tools.names.knownIdsOf(relTypes)).values()];
  return childrenIn(tools.database, targetNid, wanted, maxRelated);
}
