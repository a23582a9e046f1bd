import assert from 'node:assert/strict';

import type { Pdu } from '@myelin/protocol/events';

import { mallory } from '../stranger.ts';
import { type HostileRoom, type Sent } from './hostile-room.ts';
import { holdAgainst, type Row } from './table.ts';

/** An event that was changed after it was signed: its form is looked at before its signature. */
function bent(room: HostileRoom, change: Record<string, unknown>): Sent {
  const sent = room.message('bent');
  const wire: Record<string, unknown> = { ...sent.pdu, ...change };
  for (const [key, value] of Object.entries(change)) if (value === undefined) delete wire[key];
  return { ...sent, wire };
}

const nothing = { gets: 'no result', clientsSee: 'nothing' } as const;
const fine = { gets: 'taken', clientsSee: 'the event' } as const;
const malformed = (what: string, change: Record<string, unknown>): Row => ({
  what,
  sends: (room) => bent(room, change),
  ...nothing,
});
const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `$${String(index).padStart(43, 'p')}`);
/** An event whose content has a number that is spelt so. */
const withNumber = (room: HostileRoom, number: string): Sent => {
  const content = { body: 'a number', number: (JSON as unknown as { rawJSON(text: string): string }).rawJSON(number) };
  const { eventId, pdu } = room.event({ content });
  return { eventId, pdu, wire: JSON.stringify(pdu) };
};
/** An event that is hashed and signed with integers, and sent with something else in the place of one. */
const spelt = (room: HostileRoom, integer: RegExp, instead: string): Sent => {
  const { eventId, pdu } = room.event({ content: { body: 'a number', number: 100 } });
  const text = JSON.stringify(pdu);
  assert.match(text, integer);
  return { eventId, pdu, wire: text.replace(integer, instead) };
};
/** Others read it as another number than this server would, or as none. */
const misspelt = ['100.0', '1e2', '1E+2', '10000e-2', '100.00'].map((number): Row => ({
  what: `an integer that is spelt ${number}`,
  in: ['6', '10', '12'],
  sends: (room) => spelt(room, /"number":100/, `"number": ${number}`),
  ...nothing,
}));

holdAgainst('events of a wrong form', [
  ...[null, 7, true, 'event', [], {}].map((wire): Row => ({
    what: `${JSON.stringify(wire)} is no event`,
    in: ['10'],
    sends: (room) => ({ ...room.message('none'), wire: typeof wire === 'string' ? JSON.stringify(wire) : wire }),
    ...nothing,
  })),
  malformed('no type', { type: undefined }),
  malformed('a type that is a number', { type: 7 }),
  malformed('no sender', { sender: undefined }),
  malformed('a sender without its sigil', { sender: mallory.slice(1) }),
  malformed('a sender that is a room', { sender: `!${mallory.slice(1)}` }),
  malformed('a sender without a server', { sender: '@mallory' }),
  malformed('no room', { room_id: undefined }),
  malformed('a room that is a list', { room_id: [] }),
  malformed('a room with the sigil of a user', { room_id: '@room:hive.example' }),
  malformed('a state key that is null', { state_key: null }),
  malformed('no content', { content: undefined }),
  malformed('content that is a list', { content: [] }),
  malformed('content that is null', { content: null }),
  malformed('no time', { origin_server_ts: undefined }),
  malformed('a time that is a string', { origin_server_ts: '1700000000000' }),
  malformed('no depth', { depth: undefined }),
  malformed('a depth that is a string', { depth: '20' }),
  malformed('a depth below zero', { depth: -1 }),
  malformed('a depth with a fraction', { depth: 20.5 }),
  malformed('a depth that no number holds exactly', { depth: 2 ** 53 }),
  malformed('no prev_events', { prev_events: undefined }),
  malformed('prev_events that are an object', { prev_events: {} }),
  malformed('prev_events that are numbers', { prev_events: [1, 2] }),
  malformed('prev_events in the form of the first room version', { prev_events: [['$event', { sha256: 'hash' }]] }),
  malformed('a prev_event with the sigil of a room', { prev_events: [`!${'p'.repeat(43)}`] }),
  malformed('auth_events that are null', { auth_events: null }),
  malformed('21 prev_events', { prev_events: ids(21) }),
  malformed('11 auth_events', { auth_events: ids(11) }),
  malformed('no hashes', { hashes: undefined }),
  malformed('hashes without SHA-256', { hashes: { md5: 'hash' } }),
  malformed('signatures that are a list', { signatures: [] }),
  malformed('signatures that are not grouped by server', { signatures: { 'ed25519:1': 'signature' } }),
  malformed('a signature that is a number', { signatures: { 'stranger.example': { 'ed25519:1': 7 } } }),
  malformed('unsigned that is a list', { unsigned: [] }),
  { ...malformed('redacts that is an object', { redacts: {} }), in: ['1', '10'] },
  {
    what: 'redacts that is an object, where that means nothing',
    in: ['11', '12'],
    sends: (room) => room.message('hello', { redacts: { nested: [null] } }),
    gets: 'taken',
    async afterwards(room, { eventId }) {
      const { event } = await room.whatClientsSee(eventId ?? '');
      if (event?.content.body !== 'hello') throw new Error('the event is kept out');
      if ('redacts' in event) throw new Error('clients get what they would take for the id of an event');
    },
  },
  {
    what: 'prev_events in the form of later room versions',
    in: ['1'],
    sends: (room) => bent(room, { prev_events: [room.id(mallory)] }),
    ...nothing,
  },
  {
    what: 'no event id where servers name their events',
    in: ['1'],
    sends: (room) => bent(room, { event_id: undefined }),
    ...nothing,
  },
  {
    what: 'the id that an event of another room may have one day',
    in: ['1', '2'],
    sends: (room) => room.event({ eventId: `$${'A'.repeat(43)}` }),
    ...nothing,
  },
  {
    what: 'an event id of a server that has not signed',
    in: ['1'],
    sends: (room) => room.event({ eventId: room.newName('third.example') }),
    gets: /third\.example has not signed/,
    clientsSee: 'nothing',
  },
  { what: 'a type of 255 bytes', sends: (room) => room.message('long', { type: 'x'.repeat(255) }), ...fine },
  { what: 'a type of 256 bytes', sends: (room) => room.message('long', { type: 'x'.repeat(256) }), ...nothing },
  { what: 'a type of 128 letters and 256 bytes', sends: (room) => room.message('long', { type: 'ü'.repeat(128) }), ...nothing },
  { what: 'a state key of 256 bytes', sends: (room) => room.message('long', { state_key: 'x'.repeat(256) }), ...nothing },
  {
    what: 'a sender of 256 bytes',
    sends: (room) => room.message('long', { sender: `@${'m'.repeat(256 - ':stranger.example'.length - 1)}:stranger.example` }),
    ...nothing,
  },
  {
    what: 'a type with U+0000',
    sends: (room) => room.message('zero', { type: 'a\0b' }),
    gets: /U\+0000/,
    clientsSee: 'nothing',
  },
  { what: 'content with U+0000', sends: (room) => room.message('a\0b'), ...fine },
  { what: 'an event of 65,536 bytes', sends: (room) => ofSize(room, 65_536), ...fine },
  { what: 'an event of 65,537 bytes', sends: (room) => ofSize(room, 65_537), ...nothing },
  { what: 'an empty type', sends: (room) => room.message('empty', { type: '' }), ...fine },
  {
    what: 'an event id in the alphabet of another room version',
    sends: (room) => room.event({ prev: [`$${'+'.repeat(43)}` as never] }),
    gets: /no event id of room version/,
    clientsSee: 'nothing',
  },
  { what: 'a float', in: ['6', '10', '12'], sends: (room) => withNumber(room, '1.5'), ...nothing },
  { what: 'a number beyond 2^53', in: ['6', '10', '12'], sends: (room) => withNumber(room, '9007199254740993'), ...nothing },
  ...misspelt,
  { what: 'a depth that is spelt 20.0', sends: (room) => spelt(room, /"depth":20/, '"depth":20.0'), ...nothing },
  {
    what: 'a time that is spelt with an exponent',
    sends: (room) => spelt(room, /"origin_server_ts":(\d+)/, '"origin_server_ts":$1e0'),
    ...nothing,
  },
  { what: 'numbers with points in a text', sends: (room) => room.message('[1.5, 2e3], "x": 640.0'), ...fine },
  ...['1.5', '640.0', '1e-07', '9007199254740993', '-9007199254740993'].map((number): Row => ({
    what: `the number ${number}`,
    in: ['1', '5'],
    sends: (room) => withNumber(room, number),
    ...fine,
  })),
  {
    what: 'the keys __proto__ and constructor in the content',
    sends(room) {
      const content = JSON.parse('{"body":"odd keys","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
      return room.event({ content });
    },
    gets: 'taken',
    clientsSee: 'the event',
  },
  {
    what: 'content nested nine hundred levels deep',
    sends: (room) => room.event({ content: JSON.parse(`${'{"a":'.repeat(900)}1${'}'.repeat(900)}`) }),
    ...fine,
  },
]);

function ofSize(room: HostileRoom, bytes: number): Sent {
  const size = (pdu: Pdu): number => Buffer.byteLength(JSON.stringify(pdu));
  const missing = bytes - size(room.message('').pdu);
  return room.message('x'.repeat(missing));
}
