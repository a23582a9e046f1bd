import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject } from '../events/pdu.ts';
import {
  compileEventFields,
  compileEventFilter,
  compileFilter,
  type FilterableEvent,
  filterJson,
  parseFilter,
  parseRoomEventFilter,
} from './index.ts';

const alice = '@alice:one.example';
const tea = '!tea:one.example';

function event(part: Partial<FilterableEvent>): FilterableEvent {
  return { type: 'm.room.message', sender: alice, roomId: tea, content: {}, ...part };
}

function passes(filter: JsonObject, part: Partial<FilterableEvent>): boolean {
  return compileEventFilter(parseRoomEventFilter(filter)).matches(event(part));
}

test('a filter is kept as it was said, without what nobody knows', () => {
  const filter = {
    event_fields: ['type', 'content.body'],
    event_format: 'client',
    presence: { not_types: ['*'] },
    account_data: { types: ['m.direct'] },
    room: {
      rooms: [tea],
      include_leave: true,
      timeline: { limit: 0, lazy_load_members: true, unread_thread_notifications: true, contains_url: false },
      state: { senders: [alice], related_by_rel_types: ['m.thread'] },
    },
  };
  assert.deepEqual(parseFilter({ ...filter, 'org.example.x': 1 }), filter);
  assert.deepEqual(parseFilter({}), {});
});

test('a filter that is not one is refused, and where', () => {
  const wrong: readonly (readonly [filter: unknown, message: RegExp])[] = [
    [[], /filter must be an object/],
    [null, /filter must be an object/],
    [{ room: [] }, /room must be an object/],
    [{ room: { timeline: { limit: -1 } } }, /room\.timeline\.limit/],
    [{ room: { timeline: { limit: '10' } } }, /room\.timeline\.limit/],
    [{ room: { state: { types: 'm.room.*' } } }, /room\.state\.types must be a list/],
    [{ room: { rooms: ['tea'] } }, /room\.rooms.*tea/],
    [{ presence: { senders: ['alice'] } }, /presence\.senders/],
    [{ event_fields: [7] }, /event_fields/],
    [{ event_format: 'raw' }, /event_format/],
    [{ room: { include_leave: 1 } }, /room\.include_leave/],
    [{ account_data: { types: Array<string>(5001).fill('x') } }, /account_data\.types may have 5000/],
  ];
  for (const [filter, message] of wrong) {
    assert.throws(() => parseFilter(filter), { errcode: 'M_BAD_JSON', message }, JSON.stringify(filter)?.slice(0, 80));
  }
  assert.throws(() => filterJson('{'), { errcode: 'M_INVALID_PARAM' });
});

test('types are let in by name or by star, and shut out first', () => {
  assert.ok(passes({}, {}));
  assert.ok(passes({ types: ['m.room.*'] }, {}));
  assert.ok(!passes({ types: ['m.room.*'] }, { type: 'm.roomy' }));
  assert.ok(!passes({ types: ['m.room.*'], not_types: ['*message'] }, {}));
  assert.ok(!passes({ types: [] }, {}));
  assert.ok(passes({ not_types: [] }, {}));
  assert.ok(!passes({ types: ['m.room.messag?'] }, {}));
});

test('senders and rooms', () => {
  assert.ok(passes({ senders: [alice] }, {}));
  assert.ok(!passes({ senders: ['@bob:one.example'] }, {}));
  assert.ok(!passes({ senders: [alice], not_senders: [alice] }, {}));
  assert.ok(passes({ rooms: [tea] }, {}));
  assert.ok(!passes({ not_rooms: [tea] }, {}));
  assert.ok(passes({ not_rooms: [tea] }, { roomId: '!cake:one.example' }));
});

test('contains_url looks at the content', () => {
  assert.ok(passes({ contains_url: true }, { content: { url: 'mxc://one.example/x' } }));
  assert.ok(!passes({ contains_url: true }, {}));
  assert.ok(passes({ contains_url: false }, {}));
  assert.ok(!passes({ contains_url: false }, { content: { url: 'x' } }));
});

test('labels are let in by name, and shut out first', () => {
  const labelled = { content: { 'org.matrix.labels': ['fun', 'work'] } };
  assert.ok(passes({ 'org.matrix.labels': ['fun'] }, labelled));
  assert.ok(!passes({ 'org.matrix.labels': ['fun'] }, {}));
  assert.ok(!passes({ 'org.matrix.labels': ['fun'] }, { content: { 'org.matrix.labels': 'fun' } }));
  assert.ok(!passes({ 'org.matrix.labels': ['fun'], 'org.matrix.not_labels': ['work'] }, labelled));
  assert.ok(passes({ 'org.matrix.not_labels': ['work'] }, {}));
});

test('relations are asked of the caller', () => {
  const filter = compileEventFilter(parseRoomEventFilter({ related_by_senders: [alice], related_by_rel_types: ['m.thread'] }));
  assert.ok(filter.asksForRelations);
  assert.ok(filter.matches(event({}), { senders: new Set([alice]), relTypes: new Set(['m.thread']) }));
  assert.ok(!filter.matches(event({}), { senders: new Set([alice]), relTypes: new Set(['m.annotation']) }));
  assert.ok(!filter.matches(event({})));
});

test('a filter tells what need not be asked', () => {
  assert.ok(compileEventFilter({ limit: 5, not_types: [] }).passesAll);
  assert.ok(compileEventFilter({ types: [] }).passesNone);
  assert.ok(!compileEventFilter({ types: ['m.*'] }).passesAll);
});

test('a whole filter for sync', () => {
  const compiled = compileFilter(
    parseFilter({
      room: { not_rooms: [tea], state: { lazy_load_members: true }, timeline: { limit: 7, unread_thread_notifications: true } },
    }),
  );
  assert.ok(!compiled.allowsRoom(tea));
  assert.ok(compiled.allowsRoom('!cake:one.example'));
  assert.ok(compiled.lazyLoadMembers);
  assert.ok(!compiled.includeRedundantMembers);
  assert.ok(compiled.unreadThreadNotifications);
  assert.equal(compiled.timeline.limit, 7);
  assert.equal(compiled.eventFormat, 'client');
  assert.equal(compiled.pickFields, undefined);
});

test('only the wanted fields are kept', () => {
  const whole: JsonObject = {
    type: 'm.room.message',
    sender: alice,
    content: { body: 'Hi', 'm.relates_to': { rel_type: 'm.thread', event_id: '$1' }, list: ['a'] },
  };
  const pick = (...paths: string[]) => compileEventFields(paths)?.(whole);
  assert.deepEqual(pick('type', 'content.body'), { type: 'm.room.message', content: { body: 'Hi' } });
  assert.deepEqual(pick(String.raw`content.m\.relates_to.rel_type`), { content: { 'm.relates_to': { rel_type: 'm.thread' } } });
  assert.deepEqual(pick('content.body', 'content'), { content: whole['content'] });
  assert.deepEqual(pick('content', 'content.body'), { content: whole['content'] });
  assert.deepEqual(pick('content.list.0', 'content.missing', 'constructor', 'type.length'), {});
  assert.deepEqual(pick(), {});
});
