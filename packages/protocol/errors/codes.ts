/**
 * Every error code of Matrix 1.19 with the HTTP status it usually travels with. Where an endpoint of the spec names another
 * status for a code, the endpoint passes it to `MatrixError`.
 * https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
 */
export const errorStatuses = {
  // Any endpoint may return these.
  M_BAD_JSON: 400,
  M_FORBIDDEN: 403,
  M_LIMIT_EXCEEDED: 429,
  M_MISSING_TOKEN: 401,
  M_NOT_FOUND: 404,
  M_NOT_JSON: 400,
  M_RESOURCE_LIMIT_EXCEEDED: 403,
  M_UNKNOWN: 500,
  M_UNKNOWN_DEVICE: 400,
  M_UNKNOWN_TOKEN: 401,
  M_UNRECOGNIZED: 404,
  M_USER_LIMIT_EXCEEDED: 403,
  M_USER_LOCKED: 401,
  M_USER_SUSPENDED: 403,

  // Accounts and sessions.
  M_APPSERVICE_LOGIN_UNSUPPORTED: 400,
  M_CAPTCHA_INVALID: 401,
  M_CAPTCHA_NEEDED: 401,
  M_EXCLUSIVE: 400,
  M_INVALID_PARAM: 400,
  M_INVALID_USERNAME: 400,
  M_MISSING_PARAM: 400,
  M_UNAUTHORIZED: 401,
  M_USER_DEACTIVATED: 403,
  M_USER_IN_USE: 400,
  M_WEAK_PASSWORD: 400,

  // What a password lacks, by names that clients know although the specification has only M_WEAK_PASSWORD:
  // https://github.com/matrix-org/matrix-spec-proposals/pull/2000
  M_PASSWORD_NO_DIGIT: 400,
  M_PASSWORD_NO_LOWERCASE: 400,
  M_PASSWORD_NO_SYMBOL: 400,
  M_PASSWORD_NO_UPPERCASE: 400,
  M_PASSWORD_TOO_SHORT: 400,

  // Rooms and events.
  M_BAD_ALIAS: 400,
  M_BAD_STATE: 403,
  M_CANNOT_LEAVE_SERVER_NOTICE_ROOM: 403,
  M_DUPLICATE_ANNOTATION: 400,
  M_GUEST_ACCESS_FORBIDDEN: 403,
  M_INCOMPATIBLE_ROOM_VERSION: 400,
  M_INVALID_ROOM_STATE: 400,
  M_INVITE_BLOCKED: 403,
  M_ROOM_IN_USE: 400,
  M_TOO_LARGE: 413,
  M_UNABLE_TO_AUTHORISE_JOIN: 400,
  M_UNABLE_TO_GRANT_JOIN: 400,
  M_UNSUPPORTED_ROOM_VERSION: 400,

  // Profiles, keys, media.
  M_CANNOT_OVERWRITE_MEDIA: 409,
  M_INVALID_SIGNATURE: 400,
  M_KEY_TOO_LARGE: 400,
  M_NOT_YET_UPLOADED: 504,
  M_PROFILE_TOO_LARGE: 400,
  M_WRONG_ROOM_KEYS_VERSION: 403,

  // Email addresses, phone numbers and identity servers.
  M_DESTINATION_REJECTED: 400,
  M_EMAIL_SEND_ERROR: 400,
  M_INVALID_ADDRESS: 400,
  M_INVALID_EMAIL: 400,
  M_INVALID_PEPPER: 400,
  M_MISSING_PARAMS: 400,
  M_NO_VALID_SESSION: 404,
  M_SEND_ERROR: 400,
  M_SERVER_NOT_TRUSTED: 400,
  M_SESSION_EXPIRED: 400,
  M_SESSION_NOT_VALIDATED: 400,
  M_TERMS_NOT_SIGNED: 403,
  M_THREEPID_AUTH_FAILED: 401,
  M_THREEPID_DENIED: 403,
  M_THREEPID_IN_USE: 400,
  M_THREEPID_MEDIUM_NOT_SUPPORTED: 400,
  M_THREEPID_NOT_FOUND: 400,
  M_TOKEN_INCORRECT: 400,

  // Application services.
  M_BAD_STATUS: 502,
  M_CONNECTION_FAILED: 502,
  M_CONNECTION_TIMEOUT: 504,
  M_URL_NOT_SET: 400,
} as const satisfies Record<`M_${string}`, number>;

/** An error code of Matrix 1.19. */
export type MatrixErrorCode = keyof typeof errorStatuses;

/** A code of this catalogue, or one of somebody's own namespace (`ORG.EXAMPLE_TOO_TIRED`). */
export type ErrorCode = MatrixErrorCode | `${Uppercase<string>}.${Uppercase<string>}_${Uppercase<string>}`;
