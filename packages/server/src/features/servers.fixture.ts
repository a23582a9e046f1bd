import assert from 'node:assert/strict';

import { missingToken } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import { createContractCheck, HttpClient, type HttpAnswer, type HttpOptions, type TestHomeserver } from '@myelin/testing';

import { createHttpServer, type Route } from '../platform/http/index.ts';
import { silentLogger } from '../platform/observability/index.ts';

/** Another homeserver, as far as it asks this one. */
export interface AskingServer {
  asks(method: string, path: string, options?: HttpOptions): Promise<HttpAnswer>;
  /** The answer's body, which must be a good one. */
  gets(path: string, query?: HttpOptions['query']): Promise<any>;
  isRefused(path: string, error: { status: number; errcode: string }, query?: HttpOptions['query']): Promise<void>;
}

/** Serves some routes of a homeserver on a port of their own, to servers that are believed by their name: they sign nothing. */
export async function serveServers(
  homeserver: TestHomeserver,
  routes: readonly Route[],
): Promise<{ as(server: string): AskingServer; stop(): Promise<void> }> {
  const { clock } = homeserver.server.needs;
  const http = createHttpServer({
    routes,
    authenticators: {
      server: {
        authenticate: async ({ authorization: [origin] }) => {
          if (origin === undefined) throw missingToken();
          return { kind: 'server', origin: origin as ServerName };
        },
      },
    },
    limiters: {},
    logger: silentLogger,
    clock,
    settings: {
      listeners: [
        {
          address: { kind: 'tcp', port: 0, addresses: ['127.0.0.1'] },
          xForwarded: false,
          resources: [{ names: ['federation', 'openid'], compress: false }],
        },
      ],
      maxBodyBytes: 1_000_000,
      maxJsonDepth: 100,
      accessTokenInQuery: false,
    },
  });
  const [address] = await http.listen();
  assert.ok(address?.kind === 'tcp');
  const contract = await createContractCheck();
  const client = new HttpClient(`http://127.0.0.1:${address.port}`, contract);
  const asking = (server: string): AskingServer => {
    const asks: AskingServer['asks'] = (method, path, options = {}) =>
      client.request(method, `/_matrix/federation${path}`, { ...options, headers: { authorization: server } });
    return {
      asks,
      async gets(path, query) {
        const { status, body } = await asks('GET', path, query && { query });
        assert.equal(status, 200, JSON.stringify(body));
        return body;
      },
      async isRefused(path, error, query) {
        const { status, body } = await asks('GET', path, query && { query });
        assert.deepEqual({ status, errcode: body.errcode }, error);
      },
    };
  };
  return {
    as: asking,
    async stop() {
      await client.close();
      await http.stop(100);
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    },
  };
}

/** Somebody of another server does something in a room here, as if their server had sent it. Returns the event's id. */
export async function fromElsewhere(
  homeserver: TestHomeserver,
  roomId: string,
  event: { readonly sender: string; readonly type: string; readonly stateKey?: string; readonly content: JsonObject },
): Promise<string> {
  const { rooms } = homeserver.server.needs;
  const room = await rooms.ids.find(roomId);
  assert.ok(room);
  const [sent] = await rooms.send(room, [{ ...event, sender: event.sender as UserId }]);
  assert.ok(sent);
  return sent.eventId;
}

/** Somebody of another server joins (or leaves, with another membership) a room here. */
export function joinsFromElsewhere(
  homeserver: TestHomeserver,
  roomId: string,
  userId: string,
  membership = 'join',
): Promise<string> {
  return fromElsewhere(homeserver, roomId, {
    sender: userId,
    type: 'm.room.member',
    stateKey: userId,
    content: { membership },
  });
}
