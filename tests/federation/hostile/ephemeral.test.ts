import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { hive, mallory, stranger } from '../stranger.ts';
import { Stage, third, type HostileRoom } from './hostile-room.ts';

/** An ephemeral message that the stranger may not send, of some room. */
type Forgery = readonly [what: string, edu: (room: HostileRoom, elsewhere: string) => unknown];

const typing = (room: string, user: string): unknown => ({
  edu_type: 'm.typing',
  content: { room_id: room, user_id: user, typing: true },
});
const receipt = (room: string, user: string, event: string): unknown => ({
  edu_type: 'm.receipt',
  content: { [room]: { 'm.read': { [user]: { data: { ts: 1 }, event_ids: [event] } } } },
});
const presence = (user: unknown): unknown => ({
  edu_type: 'm.presence',
  content: { push: [{ user_id: user, presence: 'online', last_active_ago: 1, status_msg: 'forged' }] },
});

const forgeries: readonly Forgery[] = [
  ['Alice types', ({ roomId, alice }) => typing(roomId, alice.userId)],
  ['a third server’s user types', ({ roomId }) => typing(roomId, `@carol:${third}`)],
  ['somebody types who is not in the room', ({ roomId }) => typing(roomId, `@nobody:${stranger}`)],
  ['Mallory types in a room that she is not in', (_, elsewhere) => typing(elsewhere, mallory)],
  ['Mallory types in a room that nobody knows', () => typing('!nowhere:hive.example', mallory)],
  ['typing without a room', () => ({ edu_type: 'm.typing', content: { user_id: mallory, typing: true } })],
  ['Alice has read', ({ roomId, alice, last }) => receipt(roomId, alice.userId, last[0] ?? '')],
  ['a third server’s user has read', ({ roomId, last }) => receipt(roomId, `@carol:${third}`, last[0] ?? '')],
  ['Mallory has read in a room that she is not in', ({ last }, elsewhere) => receipt(elsewhere, mallory, last[0] ?? '')],
  ['Alice is there', ({ alice }) => presence(alice.userId)],
  ['a third server’s user is there', () => presence(`@carol:${third}`)],
  ['a number is there', () => presence(7)],
  ['an ephemeral message of no known type', () => ({ edu_type: 'org.example.none', content: {} })],
  ['an ephemeral message named like a property of every object', () => ({ edu_type: 'constructor', content: {} })],
  ['an ephemeral message without content', () => ({ edu_type: 'm.typing' })],
  ['what is no ephemeral message', () => [7, null, 'm.typing']],
];

describe('ephemeral messages that another server may not send', () => {
  let stage: Stage | undefined;
  before(async () => {
    stage = await Stage.open();
  });
  after(() => stage?.close());
  for (const [what, edu] of forgeries) {
    test(what, { timeout: 10_000 }, async () => {
      assert.ok(stage);
      const room = await stage.sharedRoom('12');
      const elsewhere = await room.alice.createsRoom({ preset: 'public_chat' });
      await room.alice.syncs();
      const { status, body } = await stage.sends({ edus: [edu(room, elsewhere)].flat() });
      assert.deepEqual([status, body], [200, { pdus: {} }]);
      const told = await room.alice.syncs();
      assert.deepEqual(told.rooms?.join?.[room.roomId]?.ephemeral?.events ?? [], []);
      assert.deepEqual(told.rooms?.join?.[elsewhere]?.ephemeral?.events ?? [], []);
      const statuses = (told.presence?.events ?? []).map(({ content }: any) => content.status_msg);
      assert.ok(!statuses.includes('forged'));
    });
  }
});

describe('requests that another server has not proven', () => {
  let stage: Stage | undefined;
  before(async () => {
    stage = await Stage.open();
  });
  after(() => stage?.close());
  const uri = '/_matrix/federation/v1/send/unproven';
  const content = { origin: stranger, origin_server_ts: 1, pdus: [] };
  const proof = (destination = hive, signed: unknown = content): string => {
    assert.ok(stage);
    return stage.stranger.authorization({ method: 'PUT', uri, destination, content: signed });
  };
  const rows: readonly (readonly [what: string, authorization: () => string | undefined])[] = [
    ['no header', () => undefined],
    ['a header of another scheme', () => 'Bearer token'],
    ['a header that says nothing', () => 'X-Matrix '],
    ['a signature for another server', () => proof('nest.example')],
    ['a signature for another server under our name', () => proof('nest.example').replace('nest.example', hive)],
    ['a signature of another body', () => proof(hive, { ...content, pdus: [{}] })],
    ['the signature of another server', () => proof().replace(stranger, third)],
    ['our own name', () => proof().replace(stranger, hive)],
    ['a signature that is no base64', () => proof().replace(/sig="[^"]*"/, 'sig="%%%"')],
  ];
  for (const [what, authorization] of rows) {
    test(what, { timeout: 10_000 }, async () => {
      assert.ok(stage);
      const header = authorization();
      const headers: Record<string, string> = header === undefined ? {} : { authorization: header };
      const { status, body } = await stage.home.request('PUT', uri, { headers, body: content });
      assert.deepEqual([status, body.errcode], [401, 'M_UNAUTHORIZED'], JSON.stringify(body));
    });
  }
});
