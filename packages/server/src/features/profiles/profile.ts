import { setOwn } from '@myelin/protocol/canonical-json';
import { badJson, invalidParam, MatrixError } from '@myelin/protocol/errors';
import type { Json, JsonObject } from '@myelin/protocol/events';
import { fitsInBytes, isNamespacedId } from '@myelin/protocol/identifiers';

/** A profile as it is stored: name and avatar apart, because others search by them. */
export interface Profile {
  readonly displayname: string | undefined;
  readonly avatarUrl: string | undefined;
  /** All other fields. */
  readonly fields: JsonObject;
}

/** Somebody who has said nothing. */
export const emptyProfile: Profile = { displayname: undefined, avatarUrl: undefined, fields: {} };

const maxProfileBytes = 65_536;
const maxKeyBytes = 255;
const maxDisplayNameLength = 256;
const maxAvatarUrlLength = 1000;
/** https://spec.matrix.org/v1.19/client-server-api/#matrix-content-mxc-uris */
const mxcUri = /^mxc:\/\/[^/?#\s]+\/[A-Za-z0-9_-]+$/;

/** All fields of a profile under their own names. */
export function profileJson(profile: Profile): JsonObject {
  const { displayname, avatarUrl, fields } = profile;
  return {
    ...(displayname !== undefined && { displayname }),
    ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
    ...fields,
  };
}

/** One field of a profile; undefined where it has none of that name. */
export function fieldOf(profile: Profile, key: string): Json | undefined {
  const all = profileJson(profile);
  return Object.hasOwn(all, key) ? all[key] : undefined;
}

/**
 * Throws M_KEY_TOO_LARGE for a name that is too long, M_INVALID_PARAM for one that no field can have.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname
 */
export function checkKey(key: string): void {
  if (!fitsInBytes(key, maxKeyBytes)) {
    throw new MatrixError('M_KEY_TOO_LARGE', `The name of a profile field must not exceed ${maxKeyBytes} bytes`);
  }
  if (!isNamespacedId(key)) throw invalidParam(`${JSON.stringify(key)} cannot be the name of a profile field`);
}

/**
 * The profile with another value in a field. An empty name or avatar is none. Throws M_BAD_JSON and M_INVALID_PARAM for values that the
 * field cannot have, M_PROFILE_TOO_LARGE.
 */
export function withField(profile: Profile, key: string, value: Json): Profile {
  const changed = changedField(profile, key, value);
  if (Buffer.byteLength(JSON.stringify(profileJson(changed))) >= maxProfileBytes) {
    throw new MatrixError('M_PROFILE_TOO_LARGE', 'The profile would exceed 64 KiB');
  }
  return changed;
}

/** The profile without a field. */
export function withoutField(profile: Profile, key: string): Profile {
  if (key === 'displayname') return { ...profile, displayname: undefined };
  if (key === 'avatar_url') return { ...profile, avatarUrl: undefined };
  const fields: JsonObject = {};
  for (const [name, value] of Object.entries(profile.fields)) if (name !== key) setOwn(fields, name, value);
  return { ...profile, fields };
}

function changedField(profile: Profile, key: string, value: Json): Profile {
  if (key === 'displayname') return { ...profile, displayname: textOf(key, value, maxDisplayNameLength) || undefined };
  if (key === 'avatar_url') {
    const avatarUrl = textOf(key, value, maxAvatarUrlLength) || undefined;
    if (avatarUrl !== undefined && !mxcUri.test(avatarUrl)) throw invalidParam('avatar_url must be an MXC URI');
    return { ...profile, avatarUrl };
  }
  if (key === 'm.tz' && typeof value !== 'string') throw badJson('m.tz must be a string');
  const { fields } = withoutField(profile, key);
  setOwn(fields, key, value);
  return { ...profile, fields };
}

function textOf(key: string, value: Json, maxLength: number): string {
  if (typeof value !== 'string') throw badJson(`${key} must be a string`);
  if (value.length > maxLength) throw invalidParam(`${key} may have ${maxLength} characters at most`);
  if (value.includes('\0') || !value.isWellFormed()) throw invalidParam(`${key} has characters that no text can have`);
  return value;
}
