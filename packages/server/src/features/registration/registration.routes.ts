import type { BodyOf, ResponseOf } from '@myelin/protocol/api';
import * as client from '@myelin/protocol/api/client';
import { forbidden, type MatrixError, missingParam } from '@myelin/protocol/errors';
import { localpartOf, type UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { type Answer, type HttpRequest, type Route, route } from '../../platform/http/index.ts';
import type { Limiter } from '../../platform/rate-limits/index.ts';
import type { Account, Passwords } from '../account/index.ts';
import { type Sessions, tokensAnswer, wantedSession } from '../login/index.ts';
import { dummyStage, type Stage, type UserInteractiveAuth } from '../user-interactive-auth/index.ts';
import { guestUserId, registerAccount, type RegisterNeeds, upgradeGuest } from './register-account.ts';
import { isValid, readToken } from './registration-tokens.store.ts';
import { checkNameIsFree, newUserId } from './usernames.ts';

type RegisterBody = BodyOf<typeof client.register>;
type Registered = ResponseOf<typeof client.register>;

export interface RegistrationRoutesNeeds extends RegisterNeeds {
  readonly config: RegisterNeeds['config'] &
    Pick<
      Config,
      'enable_registration' | 'allow_guest_access' | 'allow_underscore_prefixed_registration' | 'inhibit_user_in_use_error'
    >;
  readonly database: Database;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly userInteractiveAuth: UserInteractiveAuth;
  /** What new users are asked, in order; nothing where anybody may come. */
  readonly stages: readonly Stage[];
  /** Registrations from one address. */
  readonly byAddress: Limiter;
  /** Questions from one address whether a name is free. */
  readonly availabilityByAddress: Limiter;
}

/** Sign-up, for users and guests. */
export function registrationRoutes(needs: RegistrationRoutesNeeds): Route[] {
  const { config, accounts } = needs;
  return [
    route(client.register, async ({ body, query, request }) => {
      if (query.kind === 'guest') return registerGuest(needs, body, request.ip);
      return registerUser(needs, body, request);
    }),

    route(client.checkUsernameAvailability, async ({ query, request }) => {
      needs.availabilityByAddress.limit(request.ip);
      if (!config.enable_registration) throw registrationDisabled();
      const user = userIdFor(needs, query.username);
      if (!config.inhibit_user_in_use_error) await checkNameIsFree(user, accounts);
      return { available: true };
    }),

    route(client.registrationTokenValidity, async ({ query }) => {
      if (!config.enable_registration) throw registrationDisabled();
      const token = await readToken(needs.database, query.token);
      return { valid: token !== undefined && isValid(token, needs.clock.now()) };
    }),
  ];
}

async function registerGuest(needs: RegistrationRoutesNeeds, body: RegisterBody, ip: string): Promise<Registered> {
  if (!needs.config.allow_guest_access) throw forbidden('Guest access is disabled');
  needs.byAddress.limit(ip);
  const account = await registerAccount(needs, { userId: guestUserId(needs), isGuest: true });
  // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register: a guest's device_id is the server's choice.
  const { device_id: _ignored, ...rest } = body;
  return logIn(needs, account, rest);
}

async function registerUser(
  needs: RegistrationRoutesNeeds,
  body: RegisterBody,
  request: HttpRequest,
): Promise<Registered | Answer> {
  const { config, accounts, passwords } = needs;
  if (!config.enable_registration) throw registrationDisabled();
  needs.byAddress.check(request.ip);
  // What can be refused is refused before anybody is asked for anything.
  await checkWish(needs, body);
  const flow = needs.stages.length > 0 ? needs.stages : [dummyStage];
  const proof = await needs.userInteractiveAuth.prove({
    request,
    body,
    requester: { kind: 'anonymous' },
    flows: [flow],
    bodyMayChange: true,
  });
  if (!proof.done) return proof.answer;

  const wish = proof.body;
  const { guest, user } = await checkWish(needs, wish);
  if (user !== undefined && !guest) await checkNameIsFree(user, accounts);
  if (wish.password === undefined) throw missingParam('password');
  needs.byAddress.limit(request.ip);
  const passwordHash = await passwords.hash(wish.password);
  await proof.claim();
  const acceptedTerms = Object.hasOwn(proof.completed, 'm.login.terms');
  let account: Account;
  try {
    account = guest
      ? await upgradeGuest(needs, guest, { passwordHash, acceptedTerms })
      : await registerAccount(needs, { userId: user ?? guestUserId(needs), passwordHash, acceptedTerms });
  } catch (error) {
    for (const stage of flow) await stage.release?.(proof.completed[stage.type] ?? null);
    throw error;
  }
  for (const stage of flow) await stage.complete?.(proof.completed[stage.type] ?? null);
  return logIn(needs, account, wish);
}

/** The name that somebody wants. Throws what can be known to be wrong with the wish before it is granted. */
async function checkWish(
  needs: RegistrationRoutesNeeds,
  body: Omit<RegisterBody, 'auth'>,
): Promise<{ readonly user?: UserId; readonly guest?: Account }> {
  const { config, accounts, passwords, sessions } = needs;
  if (body.password !== undefined) passwords.checkNew(body.password);
  if (body.username === undefined) return {};
  const guestId = body.guest_access_token === undefined ? undefined : await guestOf(sessions, body.guest_access_token);
  const user = userIdFor(needs, body.username, guestId);
  if (guestId !== undefined) {
    const guest = await accounts.find(guestId);
    if (!guest || user !== guestId) {
      throw forbidden(`Only ${localpartOf(guestId)} can be the name of the user that this guest becomes`);
    }
    return { user, guest };
  }
  if (!config.inhibit_user_in_use_error) await checkNameIsFree(user, accounts);
  return { user };
}

async function guestOf(sessions: Sessions, token: string): Promise<UserId> {
  const requester = await sessions.authenticator.authenticate(token, { ip: '', userAgent: '' });
  if (!requester?.isGuest) throw forbidden('That is not the access token of a guest');
  return requester.userId;
}

function userIdFor(needs: RegistrationRoutesNeeds, username: string, guest?: UserId): UserId {
  return newUserId(username.toLowerCase(), guest === undefined ? {} : { guest }, {
    serverName: needs.serverName,
    underscoreAllowed: needs.config.allow_underscore_prefixed_registration,
  });
}

async function logIn(
  { sessions, serverName }: Pick<RegistrationRoutesNeeds, 'sessions' | 'serverName'>,
  account: Account,
  body: Omit<RegisterBody, 'auth'>,
): Promise<Registered> {
  const answer = { user_id: account.userId, home_server: serverName };
  if (body.inhibit_login) return answer;
  const { deviceId, ...tokens } = await sessions.open(account, wantedSession(body));
  return { ...answer, ...tokensAnswer(tokens), device_id: deviceId };
}

function registrationDisabled(): MatrixError {
  return forbidden('Registration has been disabled');
}
