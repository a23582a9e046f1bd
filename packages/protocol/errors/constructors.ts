import { MatrixError } from './matrix-error.ts';

/** 403: the caller may not do this. */
export function forbidden(reason: string): MatrixError {
  return new MatrixError('M_FORBIDDEN', reason);
}

/** 404: there is nothing by that name, or nothing that the caller may know of. */
export function notFound(reason = 'Not found'): MatrixError {
  return new MatrixError('M_NOT_FOUND', reason);
}

/** 400: the body is JSON, but not what the endpoint expects. */
export function badJson(reason: string): MatrixError {
  return new MatrixError('M_BAD_JSON', reason);
}

/** 400: the body is not JSON. */
export function notJson(reason = 'The request body is not valid JSON'): MatrixError {
  return new MatrixError('M_NOT_JSON', reason);
}

/** 400: a required parameter is missing. */
export function missingParam(name: string): MatrixError {
  return new MatrixError('M_MISSING_PARAM', `Missing required parameter: ${name}`);
}

/** 400: a parameter has a value that cannot be. */
export function invalidParam(reason: string): MatrixError {
  return new MatrixError('M_INVALID_PARAM', reason);
}

/** 401: no access token came with the request. */
export function missingToken(): MatrixError {
  return new MatrixError('M_MISSING_TOKEN', 'Missing access token');
}

/**
 * 401: the token is not, or no longer, one of ours. `softLogout` tells the client that it may keep its device and its keys and
 * log in again; https://spec.matrix.org/v1.19/client-server-api/#soft-logout
 */
export function unknownToken(options: { readonly softLogout?: boolean; readonly reason?: string } = {}): MatrixError {
  return new MatrixError('M_UNKNOWN_TOKEN', options.reason ?? 'Unrecognised access token', {
    fields: { soft_logout: options.softLogout ?? false },
  });
}

/**
 * 429; the server also sends `Retry-After` in seconds, rounded up.
 * https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
 * @param retryAfterMs when the caller may try again, in milliseconds from now
 */
export function limitExceeded(retryAfterMs: number): MatrixError {
  return new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests', {
    fields: { retry_after_ms: Math.max(0, Math.ceil(retryAfterMs)) },
  });
}

/** 404 where there is no such endpoint, 405 where it has no such method. */
export function unrecognized(status: 404 | 405): MatrixError {
  return new MatrixError('M_UNRECOGNIZED', status === 404 ? 'Unrecognised request' : 'Method not allowed', { status });
}

/** 413: the request, or the event it would make, is too large. */
export function tooLarge(reason: string): MatrixError {
  return new MatrixError('M_TOO_LARGE', reason);
}

/** 500 by default: something else went wrong; some endpoints want another status. */
export function unknown(reason = 'Internal server error', status = 500): MatrixError {
  return new MatrixError('M_UNKNOWN', reason, { status });
}

/** 400: the name is taken. */
export function userInUse(): MatrixError {
  return new MatrixError('M_USER_IN_USE', 'The desired user ID is already taken');
}

/** 400: the name cannot be a user's. */
export function invalidUsername(reason: string): MatrixError {
  return new MatrixError('M_INVALID_USERNAME', reason);
}

/** 400: the name belongs to an application service. */
export function exclusive(reason: string): MatrixError {
  return new MatrixError('M_EXCLUSIVE', reason);
}

/** 400: the password is too weak for this server. */
export function weakPassword(reason: string): MatrixError {
  return new MatrixError('M_WEAK_PASSWORD', reason);
}

/** 403: the account was deactivated. */
export function userDeactivated(): MatrixError {
  return new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated');
}

/** 401, with `soft_logout`; https://spec.matrix.org/v1.19/client-server-api/#account-locking */
export function userLocked(): MatrixError {
  return new MatrixError('M_USER_LOCKED', 'This account has been locked', {
    fields: { soft_logout: true },
  });
}

/** 403; https://spec.matrix.org/v1.19/client-server-api/#account-suspension */
export function userSuspended(): MatrixError {
  return new MatrixError('M_USER_SUSPENDED', 'You cannot do this while your account is suspended');
}

/** 403: guests may not do this here. */
export function guestAccessForbidden(reason = 'Guest access not allowed'): MatrixError {
  return new MatrixError('M_GUEST_ACCESS_FORBIDDEN', reason);
}

/** 403: this server is full. `adminContact` is a URI (`mailto:…`). */
export function resourceLimitExceeded(
  reason: string,
  fields: { readonly adminContact: string; readonly limitType?: string },
): MatrixError {
  return new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', reason, {
    fields: {
      admin_contact: fields.adminContact,
      ...(fields.limitType === undefined ? {} : { limit_type: fields.limitType }),
    },
  });
}

/** 403: the user has reached a limit of their account; `infoUri` explains it. */
export function userLimitExceeded(
  reason: string,
  fields: { readonly infoUri: string; readonly canUpgrade?: boolean },
): MatrixError {
  return new MatrixError('M_USER_LIMIT_EXCEEDED', reason, {
    fields: { info_uri: fields.infoUri, can_upgrade: fields.canUpgrade ?? false },
  });
}

/** 400: the alias that `createRoom` was given is taken. The alias endpoint answers that with `unknown(reason, 409)`. */
export function roomInUse(reason = 'Room alias already taken'): MatrixError {
  return new MatrixError('M_ROOM_IN_USE', reason);
}

/** 400: `createRoom` was asked for a state that cannot be. */
export function invalidRoomState(reason: string): MatrixError {
  return new MatrixError('M_INVALID_ROOM_STATE', reason);
}

/** 400: this server cannot make a room of that version. */
export function unsupportedRoomVersion(version: string): MatrixError {
  return new MatrixError('M_UNSUPPORTED_ROOM_VERSION', `This server does not support room version ${version}`);
}

/** 400: the room's version, sent as `room_version`, is not one that the asker supports. */
export function incompatibleRoomVersion(version: string): MatrixError {
  return new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', `The room has version ${version}`, {
    fields: { room_version: version },
  });
}

/** 400: an alias in `m.room.canonical_alias` does not point to the room. */
export function badAlias(reason: string): MatrixError {
  return new MatrixError('M_BAD_ALIAS', reason);
}

/** 403: the room's state does not allow this step, such as an unban of someone who is not banned. */
export function badState(reason: string): MatrixError {
  return new MatrixError('M_BAD_STATE', reason);
}

/** 403; https://spec.matrix.org/v1.19/client-server-api/#invite-permission */
export function inviteBlocked(reason = 'The user does not accept this invite'): MatrixError {
  return new MatrixError('M_INVITE_BLOCKED', reason);
}

/** 400; https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations */
export function duplicateAnnotation(): MatrixError {
  return new MatrixError('M_DUPLICATE_ANNOTATION', 'The same annotation was already sent');
}

/** 403; https://spec.matrix.org/v1.19/client-server-api/#server-notices */
export function cannotLeaveServerNoticeRoom(): MatrixError {
  return new MatrixError('M_CANNOT_LEAVE_SERVER_NOTICE_ROOM', 'You cannot reject this invite');
}
