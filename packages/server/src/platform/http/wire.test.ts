import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, suite, test } from 'node:test';
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib';

import { endpoint } from '@myelin/protocol/api';
import { Type } from 'typebox';
import { Client, request } from 'undici';

import { systemClock } from '../clock.ts';
import { silentLogger } from '../observability/index.ts';
import { answer, createHttpServer, healthRoute, type Listener, route } from './index.ts';
import { anywhere, ask, authenticators, type Heard, type RunningServer, startServer } from './people.fixture.ts';

const echo = endpoint({ id: 'echo', method: 'POST', path: '/echo', auth: 'none', body: Type.Unknown() });
const lenient = endpoint({
  id: 'lenient',
  method: 'POST',
  path: '/lenient',
  auth: 'none',
  body: Type.Object({}),
  bodyOptional: true,
});
const upload = endpoint({ id: 'upload', method: 'POST', path: '/upload', auth: 'user', body: 'raw' });
const big = endpoint({ id: 'big', method: 'GET', path: '/big', auth: 'none' });
const flow = endpoint({ id: 'flow', method: 'GET', path: '/flow', auth: 'none' });
const endless = endpoint({ id: 'endless', method: 'GET', path: '/endless', auth: 'none' });
const address = endpoint({ id: 'address', method: 'GET', path: '/address', auth: 'none' });

let endlessStream = Readable.from([]);
function* numbers(): Generator<string> {
  for (let number = 0; ; number++) yield `${number} `.repeat(1_000);
}

const routes = [
  healthRoute,
  route(echo, ({ body }) => ({ got: body })),
  route(lenient, ({ body }) => ({ got: body })),
  route(
    upload,
    async ({ request: { stream } }) => {
      let size = 0;
      for await (const chunk of stream) size += (chunk as Buffer).length;
      return { size };
    },
    { maxBodyBytes: 50_000 },
  ),
  route(big, () => ({ text: 'room '.repeat(1000) })),
  route(endless, () => answer({ headers: { 'content-type': 'application/json' }, body: endlessStream })),
  route(flow, () => answer({ headers: { 'content-type': 'application/json' }, body: Readable.from(['{"a":', '1}']) })),
  route(address, ({ request: { ip } }) => ({ ip })),
];

function errorOf(heard: Heard): readonly [number, string] {
  return [heard.status, (heard.json as { errcode: string }).errcode];
}

suite('bodies', () => {
  let running: RunningServer;
  before(async () => {
    running = await startServer(routes);
  });
  after(() => running.server.stop(0));

  const post = (body: string | Uint8Array, headers: Record<string, string> = {}, path = '/echo'): Promise<Heard> =>
    ask(`${running.origin}${path}`, { method: 'POST', body, headers });

  test('JSON is read whatever its content type says', async () => {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', ';;nonsense', '']) {
      const heard = await post('{"a":[1]}', type === '' ? {} : { 'content-type': type });
      assert.deepEqual(heard.json, { got: { a: [1] } }, type);
    }
  });

  test('compressed requests are inflated, within the limit', async () => {
    assert.deepEqual((await post(gzipSync('{"a":1}'), { 'content-encoding': 'gzip' })).json, { got: { a: 1 } });
    assert.deepEqual((await post(deflateSync('{"a":1}'), { 'content-encoding': 'deflate' })).json, { got: { a: 1 } });
    const bomb = gzipSync(`"${'a'.repeat(1_000_000)}"`);
    assert.deepEqual(errorOf(await post(bomb, { 'content-encoding': 'gzip' })), [413, 'M_TOO_LARGE']);
    assert.deepEqual(errorOf(await post('not gzip', { 'content-encoding': 'gzip' })), [400, 'M_NOT_JSON']);
    assert.deepEqual(errorOf(await post('{}', { 'content-encoding': 'br' })), [415, 'M_UNKNOWN']);
  });

  test('too large is 413, announced or not', async () => {
    const body = `"${'a'.repeat(10_000)}"`;
    assert.deepEqual(errorOf(await post(body)), [413, 'M_TOO_LARGE']);
    const chunked = await request(`${running.origin}/echo`, {
      method: 'POST',
      body: Readable.from([body.slice(0, 6000), body.slice(6000)]),
    });
    assert.equal(chunked.statusCode, 413);
    await chunked.body.dump();
  });

  test('strange JSON does no harm', async () => {
    const polluted = await post('{"__proto__":{"isAdmin":true},"a":1,"a":2}');
    assert.equal(polluted.text, '{"got":{"__proto__":{"isAdmin":true},"a":2}}');
    assert.equal(({} as { isAdmin?: boolean }).isAdmin, undefined);
    assert.deepEqual(errorOf(await post('['.repeat(5000))), [400, 'M_BAD_JSON']);
    assert.deepEqual(errorOf(await post(`${'['.repeat(21)}${']'.repeat(21)}`)), [400, 'M_BAD_JSON']);
    assert.equal((await post(`${'['.repeat(20)}${']'.repeat(20)}`)).status, 200);
    assert.equal((await post(JSON.stringify(['[[[[[[[[[[[[[[[[[[[[[[[[[ \\" \\\\', '"']))).status, 200);
    assert.deepEqual(errorOf(await post(Uint8Array.from([0x22, 0xff, 0x22]))), [400, 'M_NOT_JSON']);
    assert.deepEqual((await post('', {}, '/lenient')).json, { got: {} });
  });

  test('a raw body is a stream with the limit of its route', async () => {
    const send = (body: Uint8Array, headers = {}): Promise<Heard> =>
      ask(`${running.origin}/upload`, { method: 'POST', token: 'alice', body, headers });
    assert.deepEqual((await send(Buffer.alloc(40_000))).json, { size: 40_000 });
    assert.deepEqual(errorOf(await send(Buffer.alloc(50_001))), [413, 'M_TOO_LARGE']);
    assert.deepEqual((await send(gzipSync(Buffer.alloc(50_000)), { 'content-encoding': 'gzip' })).json, { size: 50_000 });
    assert.deepEqual(errorOf(await send(gzipSync(Buffer.alloc(50_001)), { 'content-encoding': 'gzip' })), [413, 'M_TOO_LARGE']);
  });

  test('a body that turns out bad before the handler reads it harms nobody else', async () => {
    const sent = Promise.withResolvers<void>();
    const late = route(upload, async ({ request: { stream } }) => {
      await once(stream, 'error').catch(() => undefined);
      sent.resolve();
      await stream.toArray();
      return {};
    });
    const { server, origin } = await startServer([late]);
    const body = 'not gzip at all';
    const heard = ask(`${origin}/upload`, { method: 'POST', token: 'alice', body, headers: { 'content-encoding': 'gzip' } });
    await sent.promise;
    assert.deepEqual(errorOf(await heard), [400, 'M_NOT_JSON']);
    await server.stop(0);
  });

  test('a client that goes away in the middle of its upload is nobody’s bug', async () => {
    const failed = Promise.withResolvers<unknown>();
    const errors: unknown[] = [];
    const logger = Object.assign(Object.create(silentLogger) as typeof silentLogger, {
      error: (line: unknown) => errors.push(line),
    });
    const reading = route(upload, async ({ request: { stream } }) => {
      await stream.toArray().catch((error: unknown) => {
        failed.resolve(error);
        throw error;
      });
      return {};
    });
    const { server, origin } = await startServer([reading], {}, { logger });
    const headers = { authorization: 'Bearer alice', 'content-length': '1000' };
    const asked = httpRequest(`${origin}/upload`, { method: 'POST', headers }).on('error', () => undefined);
    asked.write('the beginning', () => asked.destroy());
    assert.ok((await failed.promise) instanceof Error);
    await server.stop(1000);
    assert.deepEqual(errors, []);
  });

  test('a stranger cannot make the server read a body', async () => {
    const refused = await ask(`${running.origin}/upload`, { method: 'POST', body: Buffer.alloc(40_000) });
    assert.deepEqual(errorOf(refused), [401, 'M_MISSING_TOKEN']);
    assert.equal(refused.headers['connection'], 'close');
  });

  test('what is not HTTP gets an answer in JSON', async () => {
    const socket = connect(Number(new URL(running.origin).port), '127.0.0.1');
    socket.end('NONSENSE\r\n\r\n');
    let heard = '';
    for await (const chunk of socket) heard += String(chunk);
    assert.match(heard, /^HTTP\/1\.1 400 /);
    assert.match(heard, /"errcode":"M_UNKNOWN"/);
  });
});

suite('compressed answers', () => {
  let running: RunningServer;
  before(async () => {
    running = await startServer(routes);
  });
  after(() => running.server.stop(0));

  const fetchBytes = async (path: string, accept?: string) => {
    const response = await request(
      `${running.origin}${path}`,
      accept === undefined ? {} : { headers: { 'accept-encoding': accept } },
    );
    return { headers: response.headers, bytes: Buffer.from(await response.body.arrayBuffer()) };
  };

  test('are for those who take them, and for what is worth it', async () => {
    for (const accept of ['gzip', 'br;q=1.0, gzip;q=0.8', '*', 'gzip, deflate, br']) {
      const { headers, bytes } = await fetchBytes('/big', accept);
      assert.equal(headers['content-encoding'], 'gzip', accept);
      assert.match(gunzipSync(bytes).toString(), /^\{"text":"room room /);
      assert.equal(headers['vary'], 'Accept-Encoding');
    }
    for (const accept of [undefined, 'br', 'gzip;q=0', 'gzip;q=0.0, br']) {
      const { headers, bytes } = await fetchBytes('/big', accept);
      assert.equal(headers['content-encoding'], undefined, String(accept));
      assert.match(bytes.toString(), /^\{"text":"room room /);
      assert.equal(headers['vary'], 'Accept-Encoding');
    }
    assert.equal((await fetchBytes('/health', 'gzip')).headers['content-encoding'], undefined);
  });

  test('a stream is compressed as it goes', async () => {
    const { headers, bytes } = await fetchBytes('/flow', 'gzip');
    assert.equal(headers['content-encoding'], 'gzip');
    assert.equal(gunzipSync(bytes).toString(), '{"a":1}');
    assert.equal((await fetchBytes('/flow')).bytes.toString(), '{"a":1}');
  });

  test('what nobody reads on is made no further', async () => {
    for (const accept of ['gzip', 'identity']) {
      const made = (endlessStream = Readable.from(numbers()));
      const response = await request(`${running.origin}/endless`, { headers: { 'accept-encoding': accept } });
      const gone = once(made, 'close');
      await once(response.body, 'readable');
      response.body.on('error', () => undefined).destroy();
      await gone;
    }
  });
});

suite('listeners', () => {
  test('each serves its resources, compressed or not, and health always', async () => {
    const names: Listener['resources'] = [{ names: ['federation'], compress: false }];
    const { server, origin } = await startServer(routes, { listeners: [{ ...anywhere, resources: names }] });
    assert.equal((await ask(`${origin}/big`)).status, 404);
    assert.equal((await ask(`${origin}/health`)).text, 'OK');
    await server.stop(0);
  });

  test('the client address behind a proxy', async () => {
    const { server, origin } = await startServer(routes, { listeners: [{ ...anywhere, xForwarded: true }] });
    const from = async (headers: Record<string, string>) => (await ask(`${origin}/address`, { headers })).json;
    assert.deepEqual(await from({ 'x-forwarded-for': '2001:db8::1, 10.0.0.1' }), { ip: '2001:db8::1' });
    assert.deepEqual(await from({}), { ip: '127.0.0.1' });
    await server.stop(0);
    const direct = await startServer(routes);
    const heard = await ask(`${direct.origin}/address`, { headers: { 'x-forwarded-for': '2001:db8::1' } });
    assert.deepEqual(heard.json, { ip: '127.0.0.1' });
    await direct.server.stop(0);
  });

  test('a Unix socket, also where a dead process left its file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'myelin-http-'));
    const path = join(folder, 'main.sock');
    const listeners: Listener[] = [{ ...anywhere, address: { kind: 'unix', path, mode: 0o600 } }];
    const first = await startServer(routes, { listeners });
    await assert.rejects(startServer(routes, { listeners }), /EADDRINUSE/);
    const client = new Client('http://localhost', { socketPath: path });
    const response = await client.request({ path: '/health', method: 'GET' });
    assert.equal(await response.body.text(), 'OK');
    await client.close();
    await first.server.stop(0);
    await writeFile(path, 'not a socket');
    await assert.rejects(startServer(routes, { listeners }), /EADDRINUSE/);
    await rm(folder, { recursive: true });
  });

  test('an address that is taken fails the start and leaves nothing open', async () => {
    const { server, origin } = await startServer(routes);
    const taken: Listener = {
      ...anywhere,
      address: { kind: 'tcp', port: Number(new URL(origin).port), addresses: ['127.0.0.1'] },
    };
    const second = createHttpServer({
      routes,
      authenticators,
      limiters: {},
      logger: silentLogger,
      clock: systemClock,
      settings: { listeners: [anywhere, taken], maxBodyBytes: 1, maxJsonDepth: 1, accessTokenInQuery: true },
    });
    await assert.rejects(second.listen(), /EADDRINUSE/);
    await server.stop(0);
  });
});

suite('long polls', () => {
  const poll = endpoint({ id: 'poll', method: 'GET', path: '/poll', auth: 'none' });

  /** A route that answers when its signal aborts, and tells when it began and why it ended. */
  function pollingRoute() {
    const began = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<unknown>();
    const polling = route(poll, async ({ request: { signal } }) => {
      began.resolve();
      await once(signal, 'abort');
      ended.resolve(signal.reason);
      return { events: ['what there is'] };
    });
    return { polling, began: began.promise, ended: ended.promise };
  }

  test('end when the client goes away', async () => {
    const { polling, began, ended } = pollingRoute();
    const { server, origin } = await startServer([polling]);
    const asked = httpRequest(`${origin}/poll`).end();
    asked.on('error', () => undefined);
    await began;
    asked.destroy();
    assert.equal(await ended, 'client gone');
    await server.stop(0);
  });

  test('end with what they have when the server stops, and nothing new is taken', async () => {
    const { polling, began, ended } = pollingRoute();
    const { server, origin } = await startServer([polling]);
    const asked = ask(`${origin}/poll`);
    await began;
    await server.stop(10_000);
    assert.equal(await ended, 'server stopping');
    assert.deepEqual((await asked).json, { events: ['what there is'] });
    await assert.rejects(ask(`${origin}/poll`), /ECONNREFUSED/);
  });

  test('one that comes while the server stops is ended too', async () => {
    const first = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const slow = endpoint({ id: 'slow', method: 'GET', path: '/slow', auth: 'none' });
    const { polling } = pollingRoute();
    const { server, origin } = await startServer([
      polling,
      route(slow, async () => {
        first.resolve();
        await release.promise;
        return {};
      }),
    ]);
    const client = new Client(origin, { pipelining: 2 });
    const answers = [client.request({ path: '/slow', method: 'GET' }), client.request({ path: '/poll', method: 'GET' })];
    await first.promise;
    const stopped = server.stop(10_000);
    release.resolve();
    await answers[0]?.then(({ body }) => body.dump());
    // Answered, or its connection closed before it was taken; never left hanging.
    await answers[1]?.then(({ body }) => body.dump()).catch(() => undefined);
    await stopped;
    await client.destroy();
  });

  test('a request that never ends is cut off when the grace is over', async () => {
    const began = Promise.withResolvers<void>();
    const stuck = route(poll, () => {
      began.resolve();
      return new Promise<never>(() => undefined);
    });
    const { server, origin } = await startServer([stuck]);
    const asked = assert.rejects(ask(`${origin}/poll`), /other side closed|socket/i);
    await began.promise;
    await server.stop(20);
    await asked;
  });
});

test('a value that is no JSON is a bug, and is answered as one', async () => {
  const broken = route(big, () => ({ count: 1n }));
  const { server, origin } = await startServer([broken]);
  assert.deepEqual(errorOf(await ask(`${origin}/big`)), [500, 'M_UNKNOWN']);
  await server.stop(0);
});

test('a line for each request says who asked what, and keeps the token to itself', async () => {
  const lines: { fields: Record<string, unknown>; message: string }[] = [];
  const logger = Object.assign(Object.create(silentLogger) as typeof silentLogger, {
    isLevelEnabled: () => true,
    info: (fields: Record<string, unknown>, message: string) => lines.push({ fields, message }),
  });
  const who = endpoint({ id: 'who', method: 'GET', path: '/who', auth: 'user' });
  const { server, origin } = await startServer([route(who, () => ({}))], {}, { logger });
  await ask(`${origin}/who?session=abc&access_token=alice`, { headers: { 'user-agent': 'Element' } });
  await server.stop(0);
  const { req, ms, ...fields } = lines[0]?.fields ?? {};
  assert.match(String(req), /^GET-\d+$/);
  assert.equal(typeof ms, 'number');
  assert.deepEqual(fields, {
    method: 'GET',
    url: '/who?session=<redacted>&access_token=<redacted>',
    status: 200,
    who: '@alice:myelin.example',
    ip: '127.0.0.1',
    userAgent: 'Element',
  });
});
