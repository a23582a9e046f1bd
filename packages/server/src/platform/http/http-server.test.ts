import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';

import { clientPaths, endpoint, schemas } from '@myelin/protocol/api';
import { forbidden } from '@myelin/protocol/errors';
import { Type } from 'typebox';

import { createTestClock } from '../clock.ts';
import { createLimiters } from '../rate-limits/index.ts';
import { healthRoute, rawJson, answer, route } from './index.ts';
import { ask, type RunningServer, startServer } from './people.fixture.ts';

const waveAt = endpoint({
  id: 'waveAt',
  method: 'PUT',
  ...clientPaths('v3', '/rooms/:roomId/wave/:eventId'),
  auth: 'user',
  guests: true,
  refusedWhenSuspended: true,
  params: Type.Object({ roomId: schemas.RoomIdOrAlias, eventId: schemas.EventId }),
  query: Type.Object({
    times: Type.Optional(schemas.QueryInteger({ minimum: 1 })),
    via: Type.Optional(schemas.QueryStringArray(Type.String())),
  }),
  body: Type.Object({ hand: schemas.OneOf('left', 'right') }),
});
const lookAt = endpoint({
  id: 'lookAt',
  method: 'GET',
  ...clientPaths('v3', '/rooms/:roomId/wave/:eventId'),
  auth: 'none',
  params: waveAt.params,
});
const setState = endpoint({
  id: 'setState',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/:roomId/state/:eventType/:stateKey',
  auth: 'none',
  params: Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.String() }),
});
const simple = <const Auth extends 'user' | 'optional' | 'admin' | 'appservice' | 'none'>(id: string, auth: Auth) =>
  ({ id, method: 'GET', path: `/_matrix/client/v3/${id}`, auth }) as const;
const logOut = endpoint({ ...simple('logOut', 'user'), lockedUsers: true });
const limited = endpoint({ ...simple('limited', 'user'), rateLimit: 'rc_message' });
const optional = simple('optional', 'optional');
const members = simple('members', 'user');
const admin = simple('admin', 'admin');
const ping = simple('ping', 'appservice');
const bug = simple('bug', 'none');
const refusal = simple('refusal', 'none');
const page = simple('page', 'none');
const cached = simple('cached', 'none');
const transact = endpoint({
  id: 'transact',
  method: 'PUT',
  path: '/_matrix/federation/v1/send/:txnId',
  auth: 'server',
  params: Type.Object({ txnId: Type.String() }),
  body: Type.Object({ pdus: Type.Array(Type.Unknown()) }),
});

const clock = createTestClock();
const routes = [
  healthRoute,
  route(waveAt, ({ params, query, body, requester }) => ({ ...params, ...query, ...body, by: requester.userId })),
  route(lookAt, ({ params }) => params),
  route(setState, ({ params }) => params),
  route(logOut, () => ({})),
  route(limited, () => ({})),
  route(optional, ({ requester }) => ({ kind: requester.kind })),
  route(members, ({ request }) => ({ url: request.url, ip: request.ip })),
  route(admin, () => ({})),
  route(ping, ({ requester }) => ({ id: requester.id })),
  route(transact, ({ requester }) => ({ origin: requester.origin })),
  route(bug, () => {
    throw new Error('the password is hunter2');
  }),
  route(refusal, () => {
    throw forbidden('Not on Sundays');
  }),
  route(page, () => answer({ status: 201, headers: { 'Content-Type': 'text/html' }, body: '<p>hello</p>' })),
  route(cached, () => rawJson(['{"events":[', '1', ',2', ']}'])),
];

suite('the HTTP server', () => {
  let running: RunningServer;
  let client: string;

  before(async () => {
    const limiters = createLimiters({ rc_message: { perSecond: 0.5, burstCount: 2 } }, { clock });
    running = await startServer(routes, {}, { limiters });
    client = `${running.origin}/_matrix/client/v3`;
  });
  after(() => running.server.stop(0));

  const errcode = async (path: string, options: Parameters<typeof ask>[1] = {}): Promise<unknown> => {
    const heard = await ask(`${client}${path}`, options);
    return [heard.status, (heard.json as { errcode?: string }).errcode];
  };

  test('gives the handler what the contract describes', async () => {
    const heard = await ask(`${client}/rooms/%23caf%C3%A9%2Fbar:myelin.example/wave/%24a%2Fb%2Bc?times=3&via=a&via=b`, {
      method: 'PUT',
      token: 'alice',
      body: '{"hand":"left"}',
    });
    assert.deepEqual(heard.json, {
      roomId: '#café/bar:myelin.example',
      eventId: '$a/b+c',
      times: 3,
      via: ['a', 'b'],
      hand: 'left',
      by: '@alice:myelin.example',
    });
    assert.match(String(heard.headers['content-type']), /^application\/json\b/);
  });

  test('serves the older paths, a trailing slash, and HEAD where GET is', async () => {
    assert.deepEqual((await ask(`${running.origin}/_matrix/client/r0/rooms/!r:x/wave/$e/`)).json, {
      roomId: '!r:x',
      eventId: '$e',
    });
    const head = await ask(`${client}/rooms/!r:x/wave/$e`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
  });

  test('an empty state key may be left out, with or without its slash', async () => {
    for (const ending of ['m.room.name', 'm.room.name/']) {
      const heard = await ask(`${client}/rooms/!r:x/state/${ending}`, { method: 'PUT' });
      assert.deepEqual(heard.json, { roomId: '!r:x', eventType: 'm.room.name', stateKey: '' });
    }
    const keyed = await ask(`${client}/rooms/!r:x/state/m.room.member/@bob:x`, { method: 'PUT' });
    assert.equal((keyed.json as { stateKey: string }).stateKey, '@bob:x');
  });

  test('names the field in what it refuses', async () => {
    const path = '/rooms/!r:x/wave/$e';
    const put = (body: string, query = '') => ask(`${client}${path}${query}`, { method: 'PUT', token: 'alice', body });
    const cases = [
      [await put('{"hand":"third"}'), 'M_BAD_JSON', /^hand /],
      [await put('{}'), 'M_BAD_JSON', /^hand is missing/],
      [await put('[]'), 'M_BAD_JSON', /^The request body /],
      [await put('{"hand":'), 'M_NOT_JSON', /JSON/],
      [await put(''), 'M_NOT_JSON', /no body/],
      [await put('{"hand":"left"}', '?times=0'), 'M_INVALID_PARAM', /times/],
      [await put('{"hand":"left"}', '?times=lots'), 'M_INVALID_PARAM', /times/],
      [await ask(`${client}/rooms/room/wave/$e`), 'M_INVALID_PARAM', /roomId/],
      [await ask(`${client}/rooms/!%ff/wave/$e`), 'M_INVALID_PARAM', /roomId/],
      [await ask(`${client}/rooms/!%zz/wave/$e`), 'M_INVALID_PARAM', /roomId/],
      [await ask(`${client}/rooms/!%00/wave/$e`), 'M_INVALID_PARAM', /roomId/],
    ] as const;
    for (const [heard, code, message] of cases) {
      const error = heard.json as { errcode: string; error: string };
      assert.equal(heard.status, 400);
      assert.equal(error.errcode, code);
      assert.match(error.error, message);
    }
  });

  test('404 for an unknown path, 405 for a known one, both readable by a browser', async () => {
    const cases = [
      [await ask(`${client}/nowhere`), 404],
      [await ask(`${running.origin}/`), 404],
      [await ask(`${client}/%zz`), 404],
      [await ask(`${client}/members`, { method: 'DELETE' }), 405],
      [await ask(`${client}/members`, { method: 'PATCH' }), 405],
      [await ask(`${client}/members`, { method: 'PROPFIND' }), 405],
    ] as const;
    for (const [heard, status] of cases) {
      assert.equal(heard.status, status);
      assert.equal((heard.json as { errcode: string }).errcode, 'M_UNRECOGNIZED');
      assert.equal(heard.headers['access-control-allow-origin'], '*');
    }
  });

  test('a preflight is answered everywhere and runs nothing', async () => {
    for (const path of ['/members', '/bug', '/nowhere']) {
      const heard = await ask(`${client}${path}`, { method: 'OPTIONS' });
      assert.equal(heard.status, 204);
      assert.equal(heard.headers['access-control-allow-origin'], '*');
      assert.match(String(heard.headers['access-control-allow-methods']), /PUT/);
      assert.match(String(heard.headers['access-control-allow-headers']), /Authorization/);
    }
  });

  test('asks for a token and knows whose it is', async () => {
    assert.deepEqual(await errcode('/members'), [401, 'M_MISSING_TOKEN']);
    assert.deepEqual(await errcode('/members', { headers: { authorization: 'Basic YTpi' } }), [401, 'M_MISSING_TOKEN']);
    assert.deepEqual(await errcode('/members', { token: 'mallory' }), [401, 'M_UNKNOWN_TOKEN']);
    assert.deepEqual(await errcode('/optional', { token: 'mallory' }), [401, 'M_UNKNOWN_TOKEN']);
    const expired = await ask(`${client}/members`, { token: 'expired' });
    assert.equal((expired.json as { soft_logout: boolean }).soft_logout, true);
    assert.deepEqual((await ask(`${client}/optional`)).json, { kind: 'anonymous' });
    assert.deepEqual((await ask(`${client}/optional`, { token: 'alice' })).json, { kind: 'user' });
    assert.deepEqual((await ask(`${client}/ping`, { token: 'irc' })).json, { id: 'irc' });
    assert.deepEqual(await errcode('/ping', { token: 'alice' }), [401, 'M_UNKNOWN_TOKEN']);
  });

  test('a token in the query string works and is not repeated to anyone', async () => {
    const heard = await ask(`${client}/members?access_token=alice&a=b`);
    assert.deepEqual(heard.json, { url: '/_matrix/client/v3/members?access_token=<redacted>&a=b', ip: '127.0.0.1' });
  });

  test('guests, locked, suspended and ordinary users may do what the contract says', async () => {
    const wave = { method: 'PUT', body: '{"hand":"left"}' };
    assert.deepEqual(await errcode('/members', { token: 'gustav' }), [403, 'M_GUEST_ACCESS_FORBIDDEN']);
    assert.deepEqual(await errcode('/rooms/!r:x/wave/$e', { ...wave, token: 'gustav' }), [200, undefined]);
    assert.deepEqual(await errcode('/members', { token: 'lucy' }), [401, 'M_USER_LOCKED']);
    assert.deepEqual(await errcode('/logOut', { token: 'lucy' }), [200, undefined]);
    assert.deepEqual(await errcode('/members', { token: 'sam' }), [200, undefined]);
    assert.deepEqual(await errcode('/rooms/!r:x/wave/$e', { ...wave, token: 'sam' }), [403, 'M_USER_SUSPENDED']);
    assert.deepEqual(await errcode('/admin', { token: 'alice' }), [403, 'M_FORBIDDEN']);
    assert.deepEqual(await errcode('/admin', { token: 'ada' }), [200, undefined]);
  });

  test('another server is known by its signature over path and body', async () => {
    const url = `${running.origin}/_matrix/federation/v1/send/t1`;
    const heard = await ask(url, { method: 'PUT', headers: { authorization: 'X-Matrix a' }, body: '{"pdus":[]}' });
    assert.deepEqual(heard.json, { origin: '/_matrix/federation/v1/send/t1|{"pdus":[]}' });
  });

  test('a limiter refuses with the delay in body and header, each user for themself, bridges never', async () => {
    const asked = async (token: string) => ask(`${client}/limited`, { token });
    assert.deepEqual([(await asked('alice')).status, (await asked('alice')).status], [200, 200]);
    const refused = await asked('alice');
    assert.equal(refused.status, 429);
    assert.deepEqual(refused.json, { errcode: 'M_LIMIT_EXCEEDED', error: 'Too many requests', retry_after_ms: 2000 });
    assert.equal(refused.headers['retry-after'], '2');
    assert.equal((await asked('bob')).status, 200);
    for (let i = 0; i < 5; i++) assert.equal((await asked('bridge')).status, 200);
    clock.advance(2000);
    assert.equal((await asked('alice')).status, 200);
  });

  test('an error of the catalogue is told, a bug is not', async () => {
    assert.deepEqual((await ask(`${client}/refusal`)).json, { errcode: 'M_FORBIDDEN', error: 'Not on Sundays' });
    const bugged = await ask(`${client}/bug`);
    assert.equal(bugged.status, 500);
    assert.deepEqual(bugged.json, { errcode: 'M_UNKNOWN', error: 'Internal server error' });
    assert.equal(bugged.headers['access-control-allow-origin'], '*');
    assert.match(String(bugged.headers['x-request-id']), /^GET-\d+$/);
  });

  test('a handler may choose status and headers, or give JSON that is text already', async () => {
    const html = await ask(`${client}/page`);
    assert.equal(html.status, 201);
    assert.equal(html.text, '<p>hello</p>');
    assert.equal(html.headers['content-type'], 'text/html');
    assert.deepEqual((await ask(`${client}/cached`)).json, { events: [1, 2] });
    assert.equal((await ask(`${running.origin}/health`)).text, 'OK');
  });
});

test('the switch for tokens in the query string', async () => {
  const { server, origin } = await startServer([route(members, () => ({}))], { accessTokenInQuery: false });
  const heard = await ask(`${origin}/_matrix/client/v3/members?access_token=alice`);
  assert.equal((heard.json as { errcode: string }).errcode, 'M_MISSING_TOKEN');
  await server.stop(0);
});

test('a contract that needs what is not there does not bind', async () => {
  await assert.rejects(startServer([route(limited, () => ({}))]), /limited.*rc_message/);
  await assert.rejects(startServer([route(members, () => ({}))], {}, { authenticators: {} }), /members.*user authenticator/);
  await assert.rejects(startServer([route(bug, () => ({})), route(bug, () => ({}))]), /Two endpoints want GET .*bug/);
});
