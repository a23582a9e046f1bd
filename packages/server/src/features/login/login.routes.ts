import { endpoint } from '@myelin/protocol/api';
import * as client from '@myelin/protocol/api/client';
import { MatrixError, unrecognized, userLocked } from '@myelin/protocol/errors';
import type { DeviceId, ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { answer, type Route, route } from '../../platform/http/index.ts';
import type { Limiter } from '../../platform/rate-limits/index.ts';
import { type Confirmation, identityOf } from '../account/index.ts';
import type { UserInteractiveAuth } from '../user-interactive-auth/index.ts';
import type { LoginMethod } from './login-methods.ts';
import { loginPage } from './login-page.ts';
import type { LoginTokens } from './login-tokens.ts';
import type { IssuedTokens, NewSession, Sessions } from './sessions.ts';

export interface LoginRoutesNeeds {
  readonly config: Pick<Config, 'public_baseurl' | 'serve_client_wellknown' | 'login_via_existing_session'>;
  readonly database: Database;
  readonly serverName: ServerName;
  readonly sessions: Sessions;
  readonly methods: readonly LoginMethod[];
  readonly loginTokens: LoginTokens;
  readonly userInteractiveAuth: UserInteractiveAuth;
  readonly confirmation: Confirmation;
  /** Logins from one address, and into one account. */
  readonly byAddress: Limiter;
  readonly byAccount: Limiter;
}

/** https://spec.matrix.org/v1.19/client-server-api/#login-fallback */
const getLoginPage = endpoint({ id: 'getLoginPage', method: 'GET', path: '/_matrix/static/client/login', auth: 'none' });

/** An hour, where the configuration sets no end. */
const longestLoginTokenMs = 3_600_000;

/** Log in, refresh, log out. */
export function loginRoutes(needs: LoginRoutesNeeds): Route[] {
  const { config, database, sessions, methods, serverName } = needs;
  const wellKnown = { 'm.homeserver': { base_url: config.public_baseurl } };
  return [
    route(client.getLoginFlows, () => ({
      flows: methods.flatMap(({ type, flow }) => (flow === undefined ? [] : [{ ...flow, type }])),
    })),

    route(getLoginPage, () => answer({ headers: loginPage.headers, body: loginPage.html }), { resource: 'client' }),

    route(client.login, async ({ body, request }) => {
      needs.byAddress.limit(request.ip);
      const method = methods.find(({ type }) => type === body.type);
      if (!method) throw new MatrixError('M_UNKNOWN', `Unknown login type ${body.type}`, { status: 400 });
      const account = await method.identify(body, { ip: request.ip });
      needs.byAccount.limit(account.userId.toLowerCase());
      if (account.isLocked) throw userLocked();
      const { deviceId, ...tokens } = await sessions.open(account, wantedSession(body));
      return {
        user_id: account.userId,
        ...tokensAnswer(tokens),
        home_server: serverName,
        device_id: deviceId,
        ...(config.serve_client_wellknown && { well_known: wellKnown }),
      };
    }),

    route(client.generateLoginToken, async ({ body, request, requester }) => {
      const { enabled, require_ui_auth, token_timeout } = config.login_via_existing_session;
      if (!enabled) throw unrecognized(404);
      if (require_ui_auth) {
        const flows = await needs.confirmation.flowsFor(requester);
        const proof = await needs.userInteractiveAuth.prove({ request, body, requester, flows, earlierProofWillDo: true });
        if (!proof.done) return proof.answer;
        await proof.claim();
      }
      const lifetimeMs = token_timeout ?? longestLoginTokenMs;
      return { login_token: await needs.loginTokens.make(identityOf(requester), lifetimeMs), expires_in_ms: lifetimeMs };
    }),

    route(client.refresh, async ({ body }) => tokensAnswer(await sessions.refresh(body.refresh_token))),

    route(client.logout, async ({ requester }) => {
      await sessions.end(requester);
      return {};
    }),

    route(client.logout_all, async ({ requester }) => {
      await database.transaction((tx) => sessions.endAllIn(tx, identityOf(requester)));
      return {};
    }),
  ];
}

/** What a client that logs in wants of its session: which device, with which name, and whether its tokens are to be refreshed. */
export function wantedSession(body: {
  readonly device_id?: DeviceId | null;
  readonly initial_device_display_name?: string | null;
  readonly refresh_token?: boolean;
}): NewSession {
  const { device_id: deviceId, initial_device_display_name: displayName, refresh_token: refreshable } = body;
  return {
    ...(typeof deviceId === 'string' && { deviceId }),
    ...(typeof displayName === 'string' && { displayName }),
    ...(refreshable !== undefined && { refreshable }),
  };
}

/** How tokens stand in an answer. */
export function tokensAnswer({ accessToken, refreshToken, expiresInMs }: IssuedTokens): {
  access_token: string;
  refresh_token?: string;
  expires_in_ms?: number;
} {
  return {
    access_token: accessToken,
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(expiresInMs !== undefined && { expires_in_ms: expiresInMs }),
  };
}
