import type { JsonObject } from '../events/pdu.ts';
import { compileGlob } from '../globs/index.ts';
import type { EventFilter, RoomEventFilter } from './filter.ts';

/** What filters read of an event; account data and typing have no sender. */
export interface FilterableEvent {
  readonly type: string;
  readonly sender?: string | undefined;
  readonly roomId?: string | undefined;
  readonly content: JsonObject;
}

/** What relates to an event, known where the filter asks for it. */
export interface RelatedBy {
  readonly senders: ReadonlySet<string>;
  readonly relTypes: ReadonlySet<string>;
}

/** A filter, compiled. */
export interface CompiledEventFilter {
  /** Lets every event through: there is nothing to ask. */
  readonly passesAll: boolean;
  /** Lets no event through, such as by an empty `types`. */
  readonly passesNone: boolean;
  readonly limit: number | undefined;
  readonly lazyLoadMembers: boolean;
  readonly includeRedundantMembers: boolean;
  readonly unreadThreadNotifications: boolean;
  /** `matches` needs to be told what relates to the event. */
  readonly asksForRelations: boolean;
  /** By the room alone. */
  allowsRoom(roomId: string): boolean;
  /** By the type alone. */
  allowsType(type: string): boolean;
  /** By all that the filter says. */
  matches(event: FilterableEvent, relatedBy?: RelatedBy): boolean;
}

type Check = (event: FilterableEvent, relatedBy: RelatedBy) => boolean;

const unrelated: RelatedBy = { senders: new Set(), relTypes: new Set() };

/** Compiles a filter for events; https://spec.matrix.org/v1.19/client-server-api/#filtering */
export function compileEventFilter(filter: EventFilter | RoomEventFilter = {}): CompiledEventFilter {
  const room: RoomEventFilter = filter;
  const allowsType = includeExclude(room.types, room.not_types, typeMatcher);
  const allowsSender = includeExclude(room.senders, room.not_senders, exactMatcher);
  const allowsRoom = includeExclude(room.rooms, room.not_rooms, exactMatcher);
  const asksForRelations = room.related_by_senders !== undefined || room.related_by_rel_types !== undefined;
  const checks: Check[] = [];
  if (allowsType !== undefined) checks.push((event) => allowsType(event.type));
  if (allowsSender !== undefined) checks.push((event) => allowsSender(event.sender ?? ''));
  if (allowsRoom !== undefined) checks.push((event) => event.roomId === undefined || allowsRoom(event.roomId));
  if (room.contains_url !== undefined) checks.push((event) => Object.hasOwn(event.content, 'url') === room.contains_url);
  if (asksForRelations) checks.push(relationCheck(room));
  const allowsLabels = labelCheck(room);
  if (allowsLabels) checks.push((event) => allowsLabels(event.content));
  return {
    passesAll: checks.length === 0,
    passesNone: [room.types, room.senders, room.rooms].some((list) => list?.length === 0),
    limit: room.limit,
    lazyLoadMembers: room.lazy_load_members ?? false,
    includeRedundantMembers: room.include_redundant_members ?? false,
    unreadThreadNotifications: room.unread_thread_notifications ?? false,
    asksForRelations,
    allowsRoom: allowsRoom ?? always,
    allowsType: allowsType ?? always,
    matches: (event, relatedBy = unrelated) => checks.every((check) => check(event, relatedBy)),
  };
}

/** Whether lists that include and exclude let a name through; undefined where neither is given. Excluding wins. */
export function includeExclude(
  included: readonly string[] | undefined,
  excluded: readonly string[] | undefined,
  matcher: (list: readonly string[]) => (name: string) => boolean = exactMatcher,
): ((name: string) => boolean) | undefined {
  if (included === undefined && (excluded === undefined || excluded.length === 0)) return undefined;
  const isIncluded = included === undefined ? always : matcher(included);
  const isExcluded = matcher(excluded ?? []);
  return (name) => !isExcluded(name) && isIncluded(name);
}

function exactMatcher(list: readonly string[]): (name: string) => boolean {
  const names = new Set(list);
  return (name) => names.has(name);
}

function typeMatcher(list: readonly string[]): (name: string) => boolean {
  const isExact = exactMatcher(list);
  const globs = list.filter((entry) => entry.includes('*')).map((entry) => compileGlob(entry, { questionMark: false }));
  return (type) => isExact(type) || globs.some((glob) => glob.matches(type));
}

function relationCheck(filter: RoomEventFilter): Check {
  const { related_by_senders: senders, related_by_rel_types: relTypes } = filter;
  return (_event, relatedBy) =>
    (senders === undefined || senders.some((sender) => relatedBy.senders.has(sender))) &&
    (relTypes === undefined || relTypes.some((relType) => relatedBy.relTypes.has(relType)));
}

/** https://github.com/matrix-org/matrix-spec-proposals/pull/2326 */
function labelCheck(filter: RoomEventFilter): ((content: JsonObject) => boolean) | undefined {
  const { 'org.matrix.labels': wanted, 'org.matrix.not_labels': unwanted } = filter;
  if (wanted === undefined && unwanted === undefined) return undefined;
  return (content) => {
    const labels = Object.hasOwn(content, 'org.matrix.labels') ? content['org.matrix.labels'] : undefined;
    const carries = (list: readonly string[]): boolean => Array.isArray(labels) && list.some((label) => labels.includes(label));
    return !carries(unwanted ?? []) && (wanted === undefined || carries(wanted));
  };
}

function always(): boolean {
  return true;
}
