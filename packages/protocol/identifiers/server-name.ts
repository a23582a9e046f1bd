import { isIPv4, isIPv6 } from 'node:net';

import type { ServerName } from './types.ts';

/** A server name taken apart; `host` of an IPv6 literal keeps no brackets. */
export interface ServerNameParts {
  readonly name: ServerName;
  readonly kind: 'dns' | 'ipv4' | 'ipv6';
  readonly host: string;
  readonly port: number | undefined;
}

const withPort = /^(?:\[(?<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?<host>[0-9A-Za-z.-]{1,255}))(?::(?<port>[0-9]{1,5}))?$/;
const fourNumbers = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

/** The host and port of a server name, or undefined where the text is none; https://spec.matrix.org/v1.19/appendices/#server-name */
export function parseServerName(text: string): ServerNameParts | undefined {
  const groups = withPort.exec(text)?.groups;
  if (!groups) return undefined;
  const port = groups['port'] === undefined ? undefined : Number(groups['port']);
  if (port !== undefined && port > 65_535) return undefined;

  const name = text as ServerName;
  const ipv6 = groups['ipv6'];
  if (ipv6 !== undefined) return isIPv6(ipv6) ? { name, kind: 'ipv6', host: ipv6, port } : undefined;
  const host = groups['host'] ?? '';
  // Four numbers with dots are an address or nothing: `999.1.1.1` is no DNS name either.
  if (fourNumbers.test(host)) return isIPv4(host) ? { name, kind: 'ipv4', host, port } : undefined;
  return { name, kind: 'dns', host, port };
}

/** Whether the text is a server name; https://spec.matrix.org/v1.19/appendices/#server-name */
export function isServerName(text: string): text is ServerName {
  return parseServerName(text) !== undefined;
}
