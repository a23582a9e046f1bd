import { createHmac, timingSafeEqual } from 'node:crypto';

import * as admin from '@myelin/protocol/api/admin';
import { forbidden, invalidParam, unknown } from '@myelin/protocol/errors';

import { type Route, route } from '../../platform/http/index.ts';
import type { Passwords } from '../account/index.ts';
import { type Sessions, tokensAnswer } from '../login/index.ts';
import { registerAccount, type RegisterNeeds } from './register-account.ts';
import { checkNameIsFree, newUserId } from './usernames.ts';

export interface SharedSecretNeeds extends RegisterNeeds {
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  /** Null: nobody may register so. */
  readonly sharedSecret: string | null;
}

/** How long a nonce serves, as in Synapse. */
const nonceLifetimeMs = 60_000;
/** Nobody needs as many at once; beyond that the oldest are forgotten. */
const mostNonces = 10_000;
const nonceLength = 64;

/**
 * Registration for programs that share a secret with the server; without a secret there are no such endpoints.
 * https://element-hq.github.io/synapse/latest/admin_api/register_api.html
 */
export function sharedSecretRoutes(needs: SharedSecretNeeds): Route[] {
  const { clock, random, accounts, passwords, sessions, sharedSecret, serverName, config } = needs;
  if (sharedSecret === null) return [];
  // In order of their age.
  const nonces = new Map<string, number>();
  const forgetOld = (): void => {
    for (const [nonce, madeAt] of nonces) {
      if (madeAt + nonceLifetimeMs > clock.monotonic() && nonces.size <= mostNonces) return;
      nonces.delete(nonce);
    }
  };
  return [
    route(admin.getRegistrationNonce, () => {
      const nonce = random.token(nonceLength);
      nonces.set(nonce, clock.monotonic());
      forgetOld();
      return { nonce };
    }),

    route(admin.registerBySharedSecret, async ({ body }) => {
      forgetOld();
      if (!nonces.delete(body.nonce)) throw unknown('Unrecognised nonce', 400);
      const { username, password, admin: isAdmin = false, user_type: userType = null } = body;
      if (username.includes('\0') || password.includes('\0')) throw invalidParam('User names and passwords hold no NUL');
      const signed = [body.nonce, username, password, isAdmin ? 'admin' : 'notadmin', ...(userType === null ? [] : [userType])];
      if (!isMac(body.mac, createHmac('sha1', sharedSecret).update(signed.join('\0')).digest())) {
        throw forbidden('HMAC incorrect');
      }
      if (userType !== null && !['support', 'bot', ...config.user_types.extra_user_types].includes(userType)) {
        throw invalidParam(`Unknown user type ${userType}`);
      }
      passwords.checkNew(password);
      const userId = newUserId(username.toLowerCase(), {}, { serverName, underscoreAllowed: true });
      await checkNameIsFree(userId, accounts);
      const account = await registerAccount(needs, {
        userId,
        passwordHash: await passwords.hash(password),
        isAdmin,
        ...(userType !== null && { userType }),
        ...(typeof body.displayname === 'string' && { displayName: body.displayname }),
      });
      const answer = { user_id: account.userId, home_server: serverName };
      if (body.inhibit_login) return answer;
      const { deviceId, ...tokens } = await sessions.open(account, {});
      return { ...answer, ...tokensAnswer(tokens), device_id: deviceId };
    }),
  ];
}

function isMac(given: string, expected: Uint8Array): boolean {
  const bytes = Buffer.from(given, 'hex');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
