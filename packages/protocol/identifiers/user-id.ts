import { Buffer } from 'node:buffer';

import { fitsInBytes, maxIdentifierBytes, splitSigilId } from './sigil-id.ts';
import type { ServerName, UserId } from './types.ts';

export interface UserIdParts {
  readonly localpart: string;
  readonly server: ServerName;
}

/**
 * A user id taken apart, or undefined where the text is none. Accepts what servers must accept of others: any localpart without
 * `:`, NUL and lone surrogates, the empty one included; https://spec.matrix.org/v1.19/appendices/#historical-user-ids
 */
export function parseUserId(text: string): UserIdParts | undefined {
  return splitSigilId(text, '@');
}

/** Whether the text is a user id, historical ones included; see {@link parseUserId}. */
export function isUserId(text: string): text is UserId {
  return splitSigilId(text, '@') !== undefined;
}

/** Whether a new user may have this localpart: `a-z0-9._=-/+`, not empty; https://spec.matrix.org/v1.19/appendices/#user-identifiers */
export function isValidLocalpart(localpart: string): boolean {
  return /^[a-z0-9._=/+-]+$/.test(localpart);
}

/**
 * Whether clients may be told of this user outside of an event: the localpart is not empty and in U+0021 to U+007E;
 * https://spec.matrix.org/v1.19/appendices/#historical-user-ids
 */
export function isCompliantUserId(text: string): text is UserId {
  const parts = parseUserId(text);
  return parts !== undefined && /^[!-~]+$/.test(parts.localpart);
}

/** The id of a user. Throws a RangeError where localpart and server make no user id, so check what a stranger typed before. */
export function userId(localpart: string, server: ServerName): UserId {
  const text = `@${localpart}:${server}`;
  if (!isUserId(text)) throw new RangeError(`Not a user id: ${JSON.stringify(text)}`);
  return text;
}

/** Whether `@localpart:server` stays within 255 bytes. */
export function userIdFits(localpart: string, server: ServerName): boolean {
  return fitsInBytes(`@${localpart}:${server}`, maxIdentifierBytes);
}

/**
 * A localpart for any name: lower case, and every byte outside of the grammar (and `=`) as `=` and two hex digits;
 * https://spec.matrix.org/v1.19/appendices/#mapping-from-other-character-sets
 * @param distinguishCase writes `A` as `_a` and `_` as `__`, so that names that differ in case only stay different
 */
export function mapToLocalpart(name: string, { distinguishCase = false } = {}): string {
  let localpart = '';
  for (const byte of Buffer.from(name)) {
    const char = String.fromCharCode(byte);
    if (/[A-Z]/.test(char)) localpart += (distinguishCase ? '_' : '') + char.toLowerCase();
    else if (char === '_' && distinguishCase) localpart += '__';
    else if (/[a-z0-9._/+-]/.test(char)) localpart += char;
    else localpart += `=${byte.toString(16).padStart(2, '0')}`;
  }
  return localpart;
}
