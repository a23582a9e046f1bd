import { Type, type TProperties, type TSchema, type TUnsafe } from 'typebox';

import type { JsonObject as JsonObjectValue, Json } from '../events/pdu.ts';
import type * as ids from '../identifiers/types.ts';

/*
 * The schemas that contracts share. Strictness: unknown members are allowed everywhere and kept; integers are those that a
 * double can hold exactly; the schema of an identifier checks its sigil and its length, its full grammar is checked by
 * `identifiers` where a value is created.
 */

function identifier<Id extends string>(sigil: string, title: string): TUnsafe<Id> {
  return Type.Unsafe<Id>(Type.String({ title, pattern: `^${sigil}`, minLength: 2, maxLength: 255 }));
}

/** https://spec.matrix.org/v1.19/appendices/#user-identifiers */
export const UserId = identifier<ids.UserId>('@', 'user ID');
/** https://spec.matrix.org/v1.19/appendices/#room-ids */
export const RoomId = identifier<ids.RoomId>('!', 'room ID');
/** https://spec.matrix.org/v1.19/appendices/#event-ids */
export const EventId = identifier<ids.EventId>('\\$', 'event ID');
/** https://spec.matrix.org/v1.19/appendices/#room-aliases */
export const RoomAlias = identifier<ids.RoomAlias>('#', 'room alias');
/** A room by its id or by one of its aliases. */
export const RoomIdOrAlias = Type.Unsafe<ids.RoomId | ids.RoomAlias>(
  Type.String({ title: 'room ID or alias', pattern: '^[!#]', minLength: 2, maxLength: 255 }),
);
/** https://spec.matrix.org/v1.19/appendices/#server-name */
export const ServerName = Type.Unsafe<ids.ServerName>(
  Type.String({ title: 'server name', pattern: '^[A-Za-z0-9.:\\[\\]-]+$', maxLength: 230 }),
);
/** Opaque; Synapse's limit of 512 characters. */
export const DeviceId = Type.Unsafe<ids.DeviceId>(Type.String({ title: 'device ID', minLength: 1, maxLength: 512 }));

/** An integer that canonical JSON can carry; https://spec.matrix.org/v1.19/appendices/#canonical-json */
export const SafeInteger = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });
/** A safe integer that counts something. */
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Milliseconds since 1970-01-01T00:00:00Z. */
export const Timestamp = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, title: 'timestamp (ms)' });
/** Milliseconds. */
export const Milliseconds = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, title: 'milliseconds' });

/** Any JSON value. */
export const JsonValue = Type.Unsafe<Json>(Type.Unknown());
/** Any JSON object. */
export const JsonObject = Type.Unsafe<JsonObjectValue>(Type.Object({}));
/** The answer of endpoints that have nothing to tell. */
export const Empty = Type.Object({});

/** An object with any keys, each value of one kind: a JSON map. */
export function MapOf<Value extends TSchema>(value: Value) {
  return Type.Record(Type.String(), value);
}

/** An object whose keys are identifiers of one kind. The keys are not checked; they cost more than they tell. */
export function MapBy<Key extends string, Value extends TSchema>(value: Value) {
  return Type.Unsafe<{ [K in Key]?: Type.Static<Value> }>(Type.Record(Type.String(), value));
}

/** A member that may be left out; clients that write `null` for it mean the same. */
export function OptionalOrNull<Value extends TSchema>(value: Value) {
  return Type.Optional(Type.Union([value, Type.Null()]));
}

/** One of some strings. */
export function OneOf<const Values extends readonly [string, ...string[]]>(...values: Values) {
  return Type.Unsafe<Values[number]>(Type.String({ enum: [...values] }));
}

/*
 * Query parameters arrive as text. The schema says what text is good; `decodeQuery` turns good text into the value whose
 * type the schema carries. A parameter that is given more than once counts once (the last) unless it is a `QueryStringArray`.
 */

/** The decoders that `decodeQuery` knows, as they are marked on a schema. */
export type QueryDecoder = 'integer' | 'boolean' | 'string-array' | 'json';
/** The key under which a schema names its decoder. */
export const queryDecoder = 'x-query';

interface QueryIntegerOptions {
  readonly minimum?: number;
  readonly maximum?: number;
}

/** `limit=10` → 10. Decimal digits with an optional minus; nothing else. */
export function QueryInteger(options: QueryIntegerOptions = {}) {
  return Type.Integer({
    minimum: options.minimum ?? Number.MIN_SAFE_INTEGER,
    maximum: options.maximum ?? Number.MAX_SAFE_INTEGER,
    [queryDecoder]: 'integer' satisfies QueryDecoder,
  });
}

/** `full_state=true` → true. `true` and `false`; nothing else. */
export function QueryBoolean() {
  return Type.Boolean({ [queryDecoder]: 'boolean' satisfies QueryDecoder });
}

/** `via=a&via=b` → ['a', 'b']; given once, an array of one. */
export function QueryStringArray<Item extends TSchema>(item: Item) {
  return Type.Array(item, { [queryDecoder]: 'string-array' satisfies QueryDecoder });
}

/** Members that may be left out, shorthand for objects in which all are. */
export function Partial<Members extends TProperties>(members: Members) {
  return Type.Partial(Type.Object(members));
}
