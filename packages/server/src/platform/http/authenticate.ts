import type { Endpoint } from '@myelin/protocol/api';
import {
  type MatrixError,
  forbidden,
  guestAccessForbidden,
  missingToken,
  unknownToken,
  userLocked,
  userSuspended,
} from '@myelin/protocol/errors';

import type { AnonymousRequester, AppserviceRequester, Authenticators, Caller, UserRequester } from './types.ts';

/** What of a request tells who sent it. */
export interface Credentials {
  readonly authorization: string | undefined;
  readonly search: URLSearchParams;
  readonly ip: string;
  readonly userAgent: string;
}

export const ANONYMOUS: AnonymousRequester = { kind: 'anonymous' };

/**
 * The access token, from the `Authorization` header or, where the server still allows it, from the query string.
 * https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens
 */
export function accessTokenOf(credentials: Credentials, inQueryAllowed: boolean): string | undefined {
  const header = /^Bearer +(\S+) *$/i.exec(credentials.authorization ?? '')?.[1];
  if (header !== undefined) return header;
  return (inQueryAllowed && credentials.search.get('access_token')) || undefined;
}

/**
 * Who calls an endpoint that asks for a token, and whether that account may. Throws M_MISSING_TOKEN, M_UNKNOWN_TOKEN,
 * M_USER_LOCKED, M_USER_SUSPENDED, M_GUEST_ACCESS_FORBIDDEN or M_FORBIDDEN.
 */
export async function authenticateByToken(
  contract: Endpoint,
  credentials: Credentials,
  authenticators: Authenticators,
  settings: { readonly accessTokenInQuery: boolean },
): Promise<UserRequester | AppserviceRequester | AnonymousRequester> {
  const token = accessTokenOf(credentials, settings.accessTokenInQuery);
  if (token === undefined) {
    if (contract.auth === 'optional') return ANONYMOUS;
    throw missingToken();
  }
  const caller = callerOf(credentials);
  if (contract.auth === 'appservice') {
    const appservice = await authenticators.appservice?.authenticate(token, caller);
    if (!appservice) throw unknownToken();
    return appservice;
  }
  const user = await authenticators.user?.authenticate(token, caller);
  if (!user) throw unknownToken();
  checkAccount(contract, user);
  return user;
}

function checkAccount(contract: Endpoint, user: UserRequester): void {
  if (user.locked && !contract.lockedUsers) throw userLocked();
  if (user.isGuest && !contract.guests && contract.auth !== 'optional') throw guestAccessForbidden();
  if (contract.auth === 'admin' && !user.isAdmin) throw forbidden('You are not a server administrator');
  if (user.suspended && contract.refusedWhenSuspended) throw userSuspended();
}

function callerOf({ ip, userAgent, search }: Credentials): Caller {
  const assertedUserId = search.get('user_id');
  // The unstable name is that of MSC3202, which bridges still send.
  const assertedDeviceId = search.get('device_id') ?? search.get('org.matrix.msc3202.device_id');
  return {
    ip,
    userAgent,
    ...(assertedUserId === null ? {} : { assertedUserId }),
    ...(assertedDeviceId === null ? {} : { assertedDeviceId }),
  };
}

/** Whether app plugged in whom this contract needs. Throws an Error that names both. */
export function requireAuthenticator(contract: Endpoint, authenticators: Authenticators): void {
  const needed = {
    none: undefined,
    optional: 'user',
    user: 'user',
    admin: 'user',
    server: 'server',
    appservice: 'appservice',
  } as const;
  const kind = needed[contract.auth];
  if (kind !== undefined && !authenticators[kind]) {
    throw new Error(`The endpoint ${contract.id} needs the ${kind} authenticator, which is not plugged in`);
  }
}

/** The value of `Retry-After` in whole seconds, for errors that carry `retry_after_ms`. */
export function retryAfterOf(error: MatrixError): string | undefined {
  const delayMs = error.fields['retry_after_ms'];
  return typeof delayMs === 'number' ? String(Math.ceil(delayMs / 1000)) : undefined;
}
