import { unknownToken } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';
import { request } from 'undici';

import { systemClock } from '../clock.ts';
import { silentLogger } from '../observability/index.ts';
import { createHttpServer, type HttpServer, type HttpServerNeeds, type HttpSettings, type Listener } from './index.ts';
import type { Authenticators, Route, UserRequester } from './types.ts';

/** Some users whose access token is their name, for the tests of this folder. */
function person(name: string, about: Partial<UserRequester> = {}): readonly [string, UserRequester] {
  const requester: UserRequester = {
    kind: 'user',
    userId: `@${name}:myelin.example` as UserId,
    isGuest: false,
    isAdmin: false,
    tokenId: name,
    locked: false,
    suspended: false,
    shadowBanned: false,
    ...about,
  };
  return [name, requester];
}

const PEOPLE = new Map([
  person('alice'),
  person('bob'),
  person('gustav', { isGuest: true }),
  person('ada', { isAdmin: true }),
  person('lucy', { locked: true }),
  person('sam', { suspended: true }),
  person('bridge', { appservice: { id: 'irc', rateLimited: false } }),
]);

export const authenticators: Authenticators = {
  user: {
    authenticate: (token) => {
      if (token === 'expired') throw unknownToken({ softLogout: true });
      return PEOPLE.get(token);
    },
  },
  appservice: {
    authenticate: (token) =>
      token === 'irc' ? { kind: 'appservice', id: 'irc', rateLimited: true, sender: '@irc:myelin.example' as UserId } : undefined,
  },
  server: {
    authenticate: async ({ authorization, content, uri }) => {
      if (authorization.length === 0) throw unknownToken();
      return { kind: 'server', origin: `${uri}|${JSON.stringify(content)}` as never };
    },
  },
};

export const anywhere: Listener = {
  address: { kind: 'tcp', port: 0, addresses: ['127.0.0.1'] },
  xForwarded: false,
  resources: [{ names: ['client', 'federation'], compress: true }],
};

export interface RunningServer {
  readonly server: HttpServer;
  readonly origin: string;
}

/** A server on a port of its own. Stop it with `server.stop(0)`. */
export async function startServer(
  routes: readonly Route[],
  settings: Partial<HttpSettings> = {},
  needs: Partial<HttpServerNeeds> = {},
): Promise<RunningServer> {
  const server = createHttpServer({
    routes,
    authenticators,
    limiters: {},
    logger: silentLogger,
    clock: systemClock,
    ...needs,
    settings: { listeners: [anywhere], maxBodyBytes: 10_000, maxJsonDepth: 20, accessTokenInQuery: true, ...settings },
  });
  const [address] = await server.listen();
  return { server, origin: address?.kind === 'tcp' ? `http://127.0.0.1:${address.port}` : '' };
}

export interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: unknown;
}

/** Asks and reads the whole answer. */
export async function ask(
  url: string,
  options: { method?: string; token?: string; headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<Heard> {
  const { method = 'GET', token, headers = {}, body } = options;
  const auth = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await request(url, {
    method: method as 'GET',
    headers: { ...auth, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.body.text();
  const isJson = String(response.headers['content-type']).startsWith('application/json') && text !== '';
  return {
    status: response.statusCode,
    headers: response.headers,
    text,
    json: isJson ? (JSON.parse(text) as unknown) : undefined,
  };
}
