import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';
import { fitsInBytes, isEventId, maxIdentifierBytes, type EventId } from '@myelin/protocol/identifiers';

/** What an event's content says about the event that it belongs to. */
export interface Relation {
  readonly relType: string;
  readonly parentId: EventId;
  /** What an annotation says, such as an emoji. */
  readonly key: string | undefined;
}

/**
 * The relation in an event's content. Undefined where there is none, or none by the schema: replies have no `rel_type` and are no
 * relations. https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 */
export function relationOf(content: JsonObject): Relation | undefined {
  const relation = own(content, 'm.relates_to');
  if (!isJsonObject(relation)) return undefined;
  const relType = own(relation, 'rel_type');
  const parentId = own(relation, 'event_id');
  const key = own(relation, 'key');
  if (typeof relType !== 'string' || !isName(relType)) return undefined;
  if (typeof parentId !== 'string' || !isEventId(parentId)) return undefined;
  return { relType, parentId, key: typeof key === 'string' ? key : undefined };
}

/** Whether it is something that a database can hold as a name. */
function isName(text: string): boolean {
  return text !== '' && !text.includes('\0') && text.isWellFormed() && fitsInBytes(text, maxIdentifierBytes);
}
