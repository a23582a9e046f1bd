export { isDeviceId } from "./device-id.ts";
export { domainOf, localpartOf } from "./domain-of.ts";
export { assignedEventId, isEventId, parseEventId } from "./event-id.ts";
export type { EventIdParts } from "./event-id.ts";
export { isServerKeyId, parseKeyId } from "./key-id.ts";
export type { KeyIdParts } from "./key-id.ts";
export { isNamespacedId, isOpaqueId } from "./opaque-id.ts";
export { isRoomAlias, parseRoomAlias, roomAlias } from "./room-alias.ts";
export type { RoomAliasParts } from "./room-alias.ts";
export { isRoomId, parseRoomId, roomId } from "./room-id.ts";
export type { RoomIdParts } from "./room-id.ts";
export { isServerName, parseServerName } from "./server-name.ts";
export type { ServerNameParts } from "./server-name.ts";
export { fitsInBytes, maxIdentifierBytes } from "./sigil-id.ts";
export type { DeviceId, EventId, KeyId, RoomAlias, RoomId, ServerName, UserId } from "./types.ts";
export {
  isCompliantUserId,
  isUserId,
  isValidLocalpart,
  mapToLocalpart,
  parseUserId,
  userId,
  userIdFits,
} from "./user-id.ts";
export type { UserIdParts } from "./user-id.ts";
