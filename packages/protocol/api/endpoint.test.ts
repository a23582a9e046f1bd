import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Type } from 'typebox';
import { Compile } from 'typebox/compile';

import type { EventId, RoomId } from '../identifiers/types.ts';
import {
  type BodyOf,
  clientPaths,
  decodeQuery,
  endpoint,
  type ParamsOf,
  type QueryOf,
  type ResponseOf,
  schemas,
} from './index.ts';

const waveAt = endpoint({
  id: 'waveAt',
  method: 'POST',
  ...clientPaths('oldest', '/rooms/:roomId/wave/:eventId'),
  auth: 'user',
  params: Type.Object({ roomId: schemas.RoomId, eventId: schemas.EventId }),
  query: Type.Object({
    limit: Type.Optional(schemas.QueryInteger({ minimum: 0, maximum: 100 })),
    loudly: Type.Optional(schemas.QueryBoolean()),
    via: Type.Optional(schemas.QueryStringArray(schemas.ServerName)),
    from: Type.Optional(Type.String()),
  }),
  body: Type.Object({ hand: schemas.OneOf('left', 'right') }),
  response: Type.Object({ event_id: schemas.EventId }),
});

const ping = endpoint({ id: 'ping', method: 'GET', path: '/ping', auth: 'none' });

// What handlers and callers infer. These lines fail to compile, not to run.
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const inferred: readonly true[] = [
  true satisfies Same<ParamsOf<typeof waveAt>, { roomId: RoomId; eventId: EventId }>,
  true satisfies Same<QueryOf<typeof waveAt>['limit'], number | undefined>,
  true satisfies Same<QueryOf<typeof waveAt>['loudly'], boolean | undefined>,
  true satisfies Same<BodyOf<typeof waveAt>, { hand: 'left' | 'right' }>,
  true satisfies Same<ResponseOf<typeof waveAt>, { event_id: EventId }>,
  true satisfies Same<BodyOf<typeof ping>, undefined>,
  true satisfies Same<(typeof waveAt)['path'], '/_matrix/client/v3/rooms/:roomId/wave/:eventId'>,
];

// @ts-expect-error the path has a parameter that the schema lacks
const unnamed = () => endpoint({ id: 'unnamed', method: 'GET', path: '/a/:b', auth: 'none', params: Type.Object({}) });

test('a contract carries its types and its older paths', () => {
  assert.equal(inferred.length, 7);
  assert.equal(waveAt.path, '/_matrix/client/v3/rooms/:roomId/wave/:eventId');
  assert.deepEqual(waveAt.aliases, [
    '/_matrix/client/r0/rooms/:roomId/wave/:eventId',
    '/_matrix/client/unstable/rooms/:roomId/wave/:eventId',
    '/_matrix/client/api/v1/rooms/:roomId/wave/:eventId',
  ]);
});

test('a contract whose path and parameters differ does not load', () => {
  assert.throws(unnamed, /unnamed.*\[b\].*\[\]/);
  assert.throws(
    () =>
      endpoint({
        id: 'lost',
        method: 'GET',
        path: '/a/:b',
        aliases: ['/old/:c'],
        auth: 'none',
        params: Type.Object({ b: Type.String() }),
      }),
    /lost: the path \/old\/:c/,
  );
});

test('a query becomes the values that its schema describes', () => {
  const query = decodeQuery(waveAt.query, {
    limit: '12',
    loudly: 'true',
    via: 'one.example',
    from: ['a', 'b'],
    stranger: '7',
  });
  assert.deepEqual({ ...query }, { limit: 12, loudly: true, via: ['one.example'], from: 'b', stranger: '7' });
  assert.ok(Compile(waveAt.query).Check(query));
  assert.ok(!Compile(waveAt.query).Check(decodeQuery(waveAt.query, { limit: '101' })));
});

test('a query that is no number, or no boolean, is refused', () => {
  for (const limit of ['', '1.5', 'ten', '1e3', '0x10', '99999999999999999999']) {
    assert.throws(() => decodeQuery(waveAt.query, { limit }), /M_INVALID_PARAM|limit must be an integer/);
  }
  assert.throws(() => decodeQuery(waveAt.query, { loudly: 'yes' }), { errcode: 'M_INVALID_PARAM' });
  const odd = decodeQuery(waveAt.query, JSON.parse('{"__proto__": "x", "constructor": "y"}') as Record<string, string>);
  assert.equal(Object.getPrototypeOf(odd), null);
});

test('shared schemas know their own', () => {
  assert.ok(Compile(schemas.UserId).Check('@alice:one.example'));
  assert.ok(!Compile(schemas.UserId).Check('alice'));
  assert.ok(Compile(schemas.RoomIdOrAlias).Check('#tea:one.example'));
  assert.ok(!Compile(schemas.SafeInteger).Check(2 ** 53));
  assert.ok(!Compile(schemas.OneOf('left', 'right')).Check('up'));
  assert.ok(!Compile(schemas.JsonObject).Check([]));
  assert.ok(Compile(schemas.JsonObject).Check({ any: ['thing'] }));
});
