import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

import type { EventId, RoomId, UserId } from '../../identifiers/types.ts';
import { type BodyOf, decodeQuery, type Endpoint, type ParamsOf, type QueryOf, type ResponseOf } from '../index.ts';
import * as client from './index.ts';

const contracts = Object.values(client).filter((value): value is (typeof client)['sync'] & Endpoint => 'method' in value);

// What handlers infer. These lines fail to compile, not to run.
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const inferred: readonly true[] = [
  true satisfies Same<ParamsOf<typeof client.sendMessage>['roomId'], RoomId>,
  true satisfies Same<ResponseOf<typeof client.sendMessage>, { event_id: EventId }>,
  true satisfies Same<QueryOf<typeof client.getRoomEvents>['dir'], 'b' | 'f' | undefined>,
  true satisfies Same<BodyOf<typeof client.inviteUser>, { user_id: UserId; reason?: string }>,
  true satisfies Same<ParamsOf<typeof client.setRoomStateWithKey>['stateKey'], string | undefined>,
  true satisfies Same<
    BodyOf<typeof client.createRoom>['preset'],
    'private_chat' | 'public_chat' | 'trusted_private_chat' | undefined
  >,
];

test('every contract carries its name and no path is claimed twice', () => {
  assert.ok(contracts.length > 80);
  assert.equal(inferred.length, 6);
  const claimed = new Map<string, string>();
  for (const [name, contract] of Object.entries(client)) {
    if (!('method' in contract)) continue;
    assert.equal(contract.id, name);
    const aliases: readonly string[] = 'aliases' in contract ? contract.aliases : [];
    for (const path of [contract.path, ...aliases]) {
      const key: string = `${contract.method} ${path.replaceAll(/:[A-Za-z]+/g, ':')}`;
      assert.equal(claimed.get(key), undefined, `${key} of ${name}`);
      claimed.set(key, name);
    }
  }
});

test('every schema compiles', () => {
  for (const contract of contracts as readonly Endpoint[]) {
    for (const schema of [contract.params, contract.query, contract.body, contract.response]) {
      if (schema !== undefined && schema !== 'raw') Compile(schema);
    }
  }
});

test('unknown members are welcome, wrong ones are not', () => {
  const room = Compile(client.createRoom.body);
  assert.ok(room.Check({}));
  assert.ok(room.Check({ name: 'Tea', 'org.example.colour': 'green', preset: 'public_chat' }));
  assert.ok(!room.Check({ name: 7 }));
  assert.ok(!room.Check({ room_version: 12 }));
  assert.ok(!room.Check({ preset: 'castle' }));
  assert.ok(!room.Check({ initial_state: [{ type: 'm.room.topic' }] }));
  assert.ok(!Compile(client.inviteUser.body).Check({ user_id: 'bob' }));
  assert.ok(!Compile(client.ban.body).Check({}));
  assert.ok(!Compile(client.sendMessage.body).Check(['no object']));
});

test('queries of every kind are understood', () => {
  const schema: TSchema = client.sync.query;
  const query = decodeQuery(schema, { timeout: '30000', full_state: 'false', since: 's1_2', access_token: 'x' });
  assert.deepEqual({ ...query }, { timeout: 30_000, full_state: false, since: 's1_2', access_token: 'x' });
  assert.ok(Compile(client.sync.query).Check(query));
  assert.ok(!Compile(client.sync.query).Check({ set_presence: 'asleep' }));
  assert.ok(Compile(client.joinRoom.query).Check(decodeQuery(client.joinRoom.query, { via: 'a.example' })));
});

test('the state key may be left out', () => {
  assert.ok(client.setRoomStateWithKey.aliases.includes('/_matrix/client/r0/rooms/:roomId/state/:eventType'));
  assert.ok(Compile(client.setRoomStateWithKey.params).Check({ roomId: '!tea:one.example', eventType: 'm.room.name' }));
});
