import type { EventId, RoomAlias, RoomId, ServerName, UserId } from './types.ts';

/** The server that an identifier names; undefined for event and room ids that are hashes. */
export function domainOf(id: UserId | RoomAlias): ServerName;
export function domainOf(id: UserId | RoomAlias | RoomId | EventId): ServerName | undefined;
export function domainOf(id: string): ServerName | undefined {
  const colon = id.indexOf(':');
  return colon === -1 ? undefined : (id.slice(colon + 1) as ServerName);
}

/** What stands between the sigil and the colon of an identifier, or after the sigil where there is no colon. */
export function localpartOf(id: UserId | RoomAlias | RoomId | EventId): string {
  const colon = id.indexOf(':');
  return id.slice(1, colon === -1 ? undefined : colon);
}
