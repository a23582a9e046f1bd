/** `@localpart:server`; https://spec.matrix.org/v1.19/appendices/#user-identifiers */
export type UserId = string & { readonly __brand: 'UserId' };
/** `!opaque:server`, or `!hash` from room version 12; https://spec.matrix.org/v1.19/appendices/#room-ids */
export type RoomId = string & { readonly __brand: 'RoomId' };
/** `#alias:server`; https://spec.matrix.org/v1.19/appendices/#room-aliases */
export type RoomAlias = string & { readonly __brand: 'RoomAlias' };
/** `$hash`, or `$opaque:server` in room versions 1 and 2; https://spec.matrix.org/v1.19/appendices/#event-ids */
export type EventId = string & { readonly __brand: 'EventId' };
/** `hostname[:port]`; https://spec.matrix.org/v1.19/appendices/#server-name */
export type ServerName = string & { readonly __brand: 'ServerName' };
/** Opaque, chosen by the server or the client; unique per user. */
export type DeviceId = string & { readonly __brand: 'DeviceId' };
/** `algorithm:name` of a key, such as `ed25519:a_abcd`; https://spec.matrix.org/v1.19/appendices/#signing-details */
export type KeyId = `${string}:${string}`;
