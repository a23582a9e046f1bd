import { isServerKeyId, isServerName, type KeyId, type ServerName } from '@myelin/protocol/identifiers';

/** What an `Authorization: X-Matrix` header says. */
export interface XMatrixCredentials {
  readonly origin: ServerName;
  /** Absent where an old server wrote it. */
  readonly destination: string | undefined;
  readonly key: KeyId;
  readonly signature: string;
}

/** The header of a signed request, in the spelling that old servers understand too. */
export function writeXMatrix({
  origin,
  destination,
  key,
  signature,
}: XMatrixCredentials & { readonly destination: string }): string {
  return `X-Matrix origin="${origin}",destination="${destination}",key="${key}",sig="${signature}"`;
}

/** One parameter: a token (RFC 9110, section 5.6.2), in which colons are borne with, or a quoted string. */
const PARAMETER = /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^",\s]*))[ \t]*(?:,|$)/y;
const MAX_LENGTH = 2_048;

/**
 * Reads the header; undefined where it is of another scheme, malformed, or lacks what it must name.
 * https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
export function readXMatrix(header: string): XMatrixCredentials | undefined {
  const [, text] = /^X-Matrix +(.*)$/i.exec(header) ?? [];
  if (text === undefined || header.length > MAX_LENGTH) return undefined;
  const found = new Map<string, string>();
  const reader = new RegExp(PARAMETER);
  while (reader.lastIndex < text.length) {
    const match = reader.exec(text);
    if (!match) return undefined;
    const [, name = '', quoted, bare = ''] = match;
    found.set(name.toLowerCase(), quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1'));
  }
  const [origin, key, signature] = [found.get('origin'), found.get('key'), found.get('sig')];
  if (origin === undefined || key === undefined || signature === undefined) return undefined;
  if (!isServerName(origin) || !isServerKeyId(key)) return undefined;
  return { origin, destination: found.get('destination'), key, signature };
}
