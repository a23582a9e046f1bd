import { badJson, invalidParam } from '../errors/index.ts';
import type { JsonObject } from '../events/pdu.ts';
import { isRoomId, isUserId } from '../identifiers/index.ts';
import type { EventFilter, Filter, RoomEventFilter, RoomFilter } from './filter.ts';

/** Longer lists than anybody writes by hand; each entry costs every event a look. */
const maxEntries = 5000;

/**
 * Reads a filter for sync. Members that the spec does not have are left out.
 * Throws M_BAD_JSON that names the member which is not as the spec has it.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter
 */
export function parseFilter(value: unknown): Filter {
  const filter = object(value, 'filter');
  return defined({
    event_fields: strings(filter, 'event_fields', ''),
    event_format: eventFormat(filter['event_format']),
    presence: nested(filter, 'presence', '', parseEventFilter),
    account_data: nested(filter, 'account_data', '', parseEventFilter),
    room: nested(filter, 'room', '', parseRoomFilter),
  });
}

/**
 * Reads a filter for events of rooms, as `/messages` and `/context` take it.
 * Throws M_BAD_JSON that names the member which is not as the spec has it.
 */
export function parseRoomEventFilter(value: unknown, path = ''): RoomEventFilter {
  const filter = object(value, path === '' ? 'filter' : path);
  return defined({
    ...parseEventFilter(filter, path),
    rooms: identifiers(filter, 'rooms', path, isRoomId),
    not_rooms: identifiers(filter, 'not_rooms', path, isRoomId),
    contains_url: boolean(filter, 'contains_url', path),
    lazy_load_members: boolean(filter, 'lazy_load_members', path),
    include_redundant_members: boolean(filter, 'include_redundant_members', path),
    unread_thread_notifications: boolean(filter, 'unread_thread_notifications', path),
    related_by_senders: identifiers(filter, 'related_by_senders', path, isUserId),
    related_by_rel_types: strings(filter, 'related_by_rel_types', path),
    'org.matrix.labels': strings(filter, 'org.matrix.labels', path),
    'org.matrix.not_labels': strings(filter, 'org.matrix.not_labels', path),
  });
}

/** A `filter` parameter of a query, from text. Throws M_INVALID_PARAM where the text is not JSON. */
export function filterJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidParam(`The filter is not valid JSON: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

function parseEventFilter(value: unknown, path: string): EventFilter {
  const filter = object(value, path);
  return defined({
    limit: limit(filter, path),
    types: strings(filter, 'types', path),
    not_types: strings(filter, 'not_types', path),
    senders: identifiers(filter, 'senders', path, isUserId),
    not_senders: identifiers(filter, 'not_senders', path, isUserId),
  });
}

function parseRoomFilter(value: unknown, path: string): RoomFilter {
  const filter = object(value, path);
  return defined({
    rooms: identifiers(filter, 'rooms', path, isRoomId),
    not_rooms: identifiers(filter, 'not_rooms', path, isRoomId),
    include_leave: boolean(filter, 'include_leave', path),
    timeline: nested(filter, 'timeline', path, parseRoomEventFilter),
    state: nested(filter, 'state', path, parseRoomEventFilter),
    ephemeral: nested(filter, 'ephemeral', path, parseRoomEventFilter),
    account_data: nested(filter, 'account_data', path, parseRoomEventFilter),
  });
}

function object(value: unknown, path: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badJson(`${path} must be an object`);
  // What came in as JSON and is an object and no list is a JSON object.
  return value as JsonObject;
}

function nested<Part>(
  filter: JsonObject,
  name: string,
  path: string,
  parse: (value: unknown, path: string) => Part,
): Part | undefined {
  const value = own(filter, name);
  return value === undefined ? undefined : parse(value, join(path, name));
}

function strings(filter: JsonObject, name: string, path: string): string[] | undefined {
  const value = own(filter, name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw badJson(`${join(path, name)} must be a list`);
  if (value.length > maxEntries) throw badJson(`${join(path, name)} may have ${maxEntries} entries`);
  return value.map((entry) => {
    if (typeof entry !== 'string') throw badJson(`${join(path, name)} must be a list of strings`);
    return entry;
  });
}

function identifiers<Id extends string>(
  filter: JsonObject,
  name: string,
  path: string,
  isId: (text: string) => text is Id,
): Id[] | undefined {
  return strings(filter, name, path)?.map((entry) => {
    if (!isId(entry)) throw badJson(`${join(path, name)} has an entry that is no identifier: ${entry.slice(0, 100)}`);
    return entry;
  });
}

function boolean(filter: JsonObject, name: string, path: string): boolean | undefined {
  const value = own(filter, name);
  if (value !== undefined && typeof value !== 'boolean') throw badJson(`${join(path, name)} must be true or false`);
  return value;
}

/** The spec wants more than 0, but clients ask for 0 to get none, and servers oblige. */
function limit(filter: JsonObject, path: string): number | undefined {
  const value = own(filter, 'limit');
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw badJson(`${join(path, 'limit')} must be an integer of at least 0`);
  }
  return value;
}

function eventFormat(value: unknown): Filter['event_format'] {
  if (value === undefined || value === 'client' || value === 'federation') return value;
  throw badJson('event_format must be client or federation');
}

function own(filter: JsonObject, name: string) {
  return Object.hasOwn(filter, name) ? filter[name] : undefined;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** What has a value, so that a stored filter holds only what was said. */
type Defined<Parts> = { [Name in keyof Parts]?: Exclude<Parts[Name], undefined> };

function defined<Parts extends object>(parts: Parts): Defined<Parts> {
  // Object.fromEntries forgets the names; the entries are those of `parts` without the undefined ones.
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Defined<Parts>;
}
