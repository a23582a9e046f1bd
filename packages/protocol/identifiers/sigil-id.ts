import { Buffer } from 'node:buffer';

import { parseServerName } from './server-name.ts';
import type { ServerName } from './types.ts';

/** Longest identifier in bytes of UTF-8, sigil and domain included; https://spec.matrix.org/v1.19/appendices/#common-identifier-format */
export const maxIdentifierBytes = 255;

/** Whether the text takes at most `limit` bytes in UTF-8. A UTF-16 unit takes one to three, so most texts need no counting. */
export function fitsInBytes(text: string, limit: number): boolean {
  if (text.length > limit) return false;
  return text.length * 3 <= limit || Buffer.byteLength(text) <= limit;
}

/** `&localpart:server` taken apart; undefined where it is not one. The localpart may be empty. */
export function splitSigilId(text: string, sigil: string): { localpart: string; server: ServerName } | undefined {
  if (!text.startsWith(sigil) || !fitsInBytes(text, maxIdentifierBytes)) return undefined;
  const colon = text.indexOf(':');
  if (colon === -1) return undefined;
  const localpart = text.slice(sigil.length, colon);
  if (!isLegalLocalpart(localpart)) return undefined;
  const server = parseServerName(text.slice(colon + 1));
  return server === undefined ? undefined : { localpart, server: server.name };
}

/** Any Unicode text without `:`, NUL and lone surrogates: what old user ids, room ids and aliases may have before the colon. */
export function isLegalLocalpart(text: string): boolean {
  return !text.includes(':') && !text.includes('\0') && text.isWellFormed();
}
