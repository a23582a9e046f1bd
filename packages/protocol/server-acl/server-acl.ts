import type { JsonObject } from '../events/pdu.ts';
import { compileGlob } from '../globs/index.ts';
import { parseServerName } from '../identifiers/index.ts';

/** Says whether a server may take part. */
export type ServerAcl = (serverName: string) => boolean;

/** Contents are read once, however many requests a server sends; an event's content never changes. */
const compiled = new WeakMap<JsonObject, ServerAcl>();

/**
 * Whether a server may take part in a room. Ports do not count; a name that is no server name may not.
 * https://spec.matrix.org/v1.19/client-server-api/#mroomserver_acl
 * @param content the content of the room's `m.room.server_acl` event; undefined where the room has none
 */
export function isServerAllowed(content: JsonObject | undefined, serverName: string): boolean {
  // 1. If there is no `m.room.server_acl` event in the room state, allow.
  if (content === undefined) return true;
  let acl = compiled.get(content);
  if (acl === undefined) {
    acl = compileServerAcl(content);
    compiled.set(content, acl);
  }
  return acl(serverName);
}

/** Reads an ACL once for many names. What is not as the spec has it counts as missing: no list, no entry, literals allowed. */
export function compileServerAcl(content: JsonObject): ServerAcl {
  const allowIpLiterals = content['allow_ip_literals'] !== false;
  const isDenied = matcherOf(content['deny']);
  const isAllowed = matcherOf(content['allow']);
  return (serverName) => {
    const parts = parseServerName(serverName);
    if (parts === undefined) return false;
    const host = parts.kind === 'ipv6' ? `[${parts.host}]` : parts.host;
    // 2. If the server name is an IP address literal and `allow_ip_literals` is present and `false`, deny.
    if (parts.kind !== 'dns' && !allowIpLiterals) return false;
    // 3. If the server name matches an entry in the `deny` list, deny.
    if (isDenied(host)) return false;
    // 4. If the server name matches an entry in the `allow` list, allow. 5. Otherwise, deny.
    return isAllowed(host);
  };
}

function matcherOf(list: unknown): (host: string) => boolean {
  if (!Array.isArray(list)) return () => false;
  const entries = list.filter((entry): entry is string => typeof entry === 'string').map((entry) => entry.toLowerCase());
  // Lists of thousands of plain names are common, so those are looked up and only patterns are tried.
  const names = new Set(entries.filter((entry) => !/[*?]/.test(entry)));
  const globs = entries.filter((entry) => /[*?]/.test(entry)).map((entry) => compileGlob(entry));
  return (host) => {
    const lowered = host.toLowerCase();
    return names.has(lowered) || globs.some((glob) => glob.matches(lowered));
  };
}
