import { parseServerName } from '../../identifiers/index.ts';
import type { ServerName } from '../../identifiers/index.ts';
import type { JsonObject } from '../pdu.ts';
import { booleanField, textsField } from './field.ts';
import { globMatches } from './glob.ts';

export interface ServerAcl {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly allowIpLiterals: boolean;
}

/** The content of `m.room.server_acl`; https://spec.matrix.org/v1.19/client-server-api/#mroomserver_acl */
export function readServerAcl(content: JsonObject): ServerAcl {
  return {
    allow: textsField(content, 'allow').map((pattern) => pattern.toLowerCase()),
    deny: textsField(content, 'deny').map((pattern) => pattern.toLowerCase()),
    allowIpLiterals: booleanField(content, 'allow_ip_literals') ?? true,
  };
}

/** Whether the server may take part in the room; without an ACL (undefined) everyone may. The port plays no part. */
export function aclAllows(acl: ServerAcl | undefined, server: ServerName): boolean {
  if (!acl) return true;
  const parts = parseServerName(server);
  if (!parts) return false;
  if (parts.kind !== 'dns' && !acl.allowIpLiterals) return false;
  const host = (parts.kind === 'ipv6' ? `[${parts.host}]` : parts.host).toLowerCase();
  const matches = (pattern: string) => globMatches(pattern, host);
  return !acl.deny.some(matches) && acl.allow.some(matches);
}
