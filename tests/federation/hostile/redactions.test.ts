import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventId } from '@myelin/protocol/identifiers';
import { noPostgresReason, postgresDatabases } from '@myelin/testing';

import { mallory } from '../stranger.ts';
import { type HostileRoom, type Sent } from './hostile-room.ts';
import { holdAgainst, type Row } from './table.ts';

const redaction = (room: HostileRoom, redacts: string): Sent & { readonly eventId: EventId } =>
  room.event({ type: 'm.room.redaction', redacts, content: {} });
const aliceSpeaks = async (room: HostileRoom): Promise<void> => {
  await room.learns('message', await room.alice.says('I was here', room.roomId));
};
const messageIsThere = async (room: HostileRoom): Promise<void> => {
  const { event } = await room.whatClientsSee(room.id('message'));
  assert.equal(event.content.body, 'I was here');
};
/** Nothing comes of it, and clients do not hear that somebody tried. */
const inVain = { gets: 'taken', clientsSee: 'nothing' } as const;

const rows: readonly Row[] = [
  {
    what: 'of Alice’s message by somebody without power',
    in: ['1', '6', '10', '12'],
    given: aliceSpeaks,
    sends: (room) => redaction(room, room.id('message')),
    ...inVain,
    afterwards: messageIsThere,
  },
  {
    what: 'of Alice’s message by somebody with power',
    in: ['6', '10', '12'],
    async given(room) {
      await room.empowers(50);
      await aliceSpeaks(room);
    },
    sends: (room) => redaction(room, room.id('message')),
    gets: 'taken',
    clientsSee: 'the event',
    async afterwards(room) {
      const { event } = await room.whatClientsSee(room.id('message'));
      assert.deepEqual(event.content, {});
    },
  },
  {
    what: 'of a message in another room',
    async given(room) {
      const other = await room.stage.room(room.rules.id);
      room.ids.set('message', (await room.alice.says('nothing', room.roomId)) as EventId);
      room.ids.set('elsewhere', (await other.alice.says('I was here', other.roomId)) as EventId);
      room.elsewhere = other;
    },
    sends: (room) => redaction(room, room.id('elsewhere')),
    ...inVain,
    async afterwards(room) {
      const seen = await room.elsewhere?.whatClientsSee(room.id('elsewhere'));
      assert.equal(seen?.event.content.body, 'I was here');
    },
  },
  { what: 'of what nobody has', in: ['6', '10', '12'], sends: (room) => redaction(room, `$${'r'.repeat(43)}`), ...inVain },
  { what: 'of what is no event id', sends: (room) => redaction(room, 'everything'), ...inVain },
  { what: 'of nothing', sends: (room) => room.event({ type: 'm.room.redaction', content: {} }), ...inVain },
  {
    what: 'of her own message, which comes first',
    in: ['1', '6', '10', '12'],
    sends(room) {
      const regretted = room.message('I regret this');
      room.ids.set('regretted', regretted.eventId);
      return [regretted, redaction(room, regretted.eventId)];
    },
    gets: 'taken',
    clientsSee: 'the event',
    async afterwards(room) {
      assert.deepEqual((await room.whatClientsSee(room.id('regretted'))).event.content, {});
    },
  },
  {
    what: 'of her own message, which comes later',
    in: ['6', '10', '12'],
    sends(room) {
      const regretted = room.message('I regret this');
      return [redaction(room, regretted.eventId), regretted];
    },
    gets: 'taken',
    clientsSee: 'a redacted event',
  },
  {
    what: 'of her own message, which comes when everybody has synced past the redaction',
    in: ['1', '6', '10', '12'],
    given: () => Promise.resolve(),
    async sends(room) {
      const regretted = room.message('I regret this');
      const early = redaction(room, regretted.eventId);
      room.ids.set('early', early.eventId);
      await room.stage.sends({ pdus: [early.pdu] });
      await room.settles();
      assert.deepEqual(await room.whatClientsSee(early.eventId), { event: undefined, inTimeline: false });
      return regretted;
    },
    gets: 'taken',
    clientsSee: 'a redacted event',
    async afterwards(room, { eventId }) {
      const early = room.id('early');
      assert.equal((await room.whatClientsSee(early)).inTimeline, true, 'clients hear of the redaction then');
      assert.deepEqual(
        room.timeline.filter((id) => id === early || id === eventId),
        [eventId, early],
      );
    },
  },
  {
    what: 'of her own membership, which stays what it is',
    given: (room) => Promise.resolve(void room.ids.set('joined', room.id(mallory))),
    sends: (room) => redaction(room, room.id('joined')),
    gets: 'taken',
    clientsSee: 'the event',
    async afterwards(room) {
      assert.equal((await room.state('m.room.member', mallory)).membership, 'join');
    },
  },
];

holdAgainst('redactions', rows);
// A sample: what is stored, awaited and found again is the same on the other database.
const postgres = postgresDatabases();
if (postgres) holdAgainst('redactions (PostgreSQL)', rows, { databases: postgres });
else test('redactions (PostgreSQL)', { skip: noPostgresReason() ?? true });
