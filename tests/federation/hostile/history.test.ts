import assert from 'node:assert/strict';

import type { EventId } from '@myelin/protocol/identifiers';

import { stranger } from '../stranger.ts';
import { type HostileRoom, type Sent } from './hostile-room.ts';
import { holdAgainst, type Row } from './table.ts';

const unseen = { gets: 'taken', clientsSee: 'nothing' } as const;
const seen = { gets: 'taken', clientsSee: 'the event' } as const;
const path = (what: string, room: HostileRoom): string => `/_matrix/federation/v1/${what}/${encodeURIComponent(room.roomId)}`;
const unheardOf = (room: HostileRoom): EventId =>
  (room.rules.eventIds === 'assigned' ? `$nobody:${stranger}` : `$${'o'.repeat(43)}`) as EventId;
/** What the stranger answers to whoever asks for the events in between. */
const answersWith = (room: HostileRoom, answer: () => object): void =>
  void room.stage.stranger.answers.set(path('get_missing_events', room), answer);

holdAgainst('events whose history is not here', [
  {
    what: 'an event between is given when it is asked for',
    in: ['1', '6', '10', '12'],
    sends(room) {
      const between = room.message('between');
      room.ids.set('between', between.eventId);
      answersWith(room, () => ({ events: [between.pdu] }));
      return room.event({ prev: [between.eventId] });
    },
    ...seen,
    async afterwards(room) {
      assert.equal((await room.whatClientsSee(room.id('between'))).event.content.body, 'between');
    },
  },
  {
    what: 'ancestors that never come',
    in: ['1', '10', '12'],
    sends: (room) => room.event({ prev: [unheardOf(room)] }),
    ...unseen,
  },
  {
    what: 'ancestors of which one never comes',
    sends: (room) => room.event({ prev: [...room.last, unheardOf(room)] }),
    ...unseen,
  },
  {
    what: 'a server that breaks when it is asked for what lies between',
    given: (room) => Promise.resolve(answersWith(room, () => ({ status: 500, errcode: 'M_UNKNOWN', error: 'no' }))),
    sends: (room) => room.event({ prev: [unheardOf(room)] }),
    ...unseen,
  },
  {
    what: 'nonsense where the events between should be',
    given: (room) => Promise.resolve(answersWith(room, () => ({ events: [null, 7, [], {}, { room_id: room.roomId }] }))),
    sends: (room) => room.event({ prev: [unheardOf(room)] }),
    ...unseen,
  },
  {
    what: 'other events than those that were asked for',
    sends(room) {
      const other = room.message('beside the point');
      answersWith(room, () => ({ events: [other.pdu] }));
      return room.event({ prev: [unheardOf(room)] });
    },
    ...unseen,
  },
  {
    what: 'an event between whose signature is forged',
    sends(room) {
      const between = room.message('between');
      answersWith(room, () => ({ events: [{ ...between.pdu, signatures: { [stranger]: {} } }] }));
      return room.event({ prev: [between.eventId] });
    },
    ...unseen,
  },
  {
    what: 'a past without end',
    in: ['10', '12'],
    sends(room) {
      let last = room.event({ prev: [unheardOf(room)] });
      const chain = Array.from({ length: 60 }, () => (last = room.event({ prev: [last.eventId] })));
      let given = 0;
      answersWith(room, () => {
        given += 1;
        return { events: chain.slice(-20 * given - 1, -20 * (given - 1) - 1).map(({ pdu }) => pdu) };
      });
      return last;
    },
    ...unseen,
    async afterwards(room) {
      assert.ok(room.stage.stranger.asked(path('get_missing_events', room)) < 10);
    },
  },
  {
    what: 'two events that follow each other',
    in: ['1'],
    sends(room) {
      const [one, two] = [room.newName(), room.newName()];
      const first = room.event({ eventId: one, prev: [two] });
      const second = room.event({ eventId: two, prev: [one] });
      room.stage.library.set(one, first.pdu).set(two, second.pdu);
      answersWith(room, () => ({ events: [first.pdu] }));
      return [first, second];
    },
    ...unseen,
  },
  {
    what: 'two events that authorise each other',
    in: ['1'],
    sends(room) {
      const [one, two] = [room.newName(), room.newName()];
      const power = (eventId: EventId, by: EventId): Sent =>
        room.event({
          type: 'm.room.power_levels',
          stateKey: '',
          content: {},
          eventId,
          auth: [...room.auth().filter((id) => id !== room.id('m.room.power_levels')), by],
        });
      const [first, second] = [power(one, two), power(two, one)];
      room.stage.library.set(one, first.pdu).set(two, second.pdu);
      return [first, second];
    },
    ...unseen,
  },
  {
    what: 'an event that follows itself',
    in: ['1'],
    sends(room) {
      const eventId = room.newName();
      return room.event({ eventId, prev: [eventId] });
    },
    gets: /refers to itself/,
    clientsSee: 'nothing',
  },
  {
    what: 'a room that nobody here knows',
    sends: (room) => room.message('where?', { room_id: `!${'u'.repeat(43)}` }),
    gets: 'no result',
    clientsSee: 'nothing',
  },
  {
    what: 'a room id with the domain that this room version does not have',
    in: ['12'],
    sends: (room) => room.message('where?', { room_id: `${room.roomId}:hive.example` }),
    gets: 'no result',
    clientsSee: 'nothing',
  },
  {
    what: 'a server that the room’s ACL keeps out',
    async given(room) {
      await room.isWitnessed();
      room.isClosed = true;
      await room.alice.setsState(room.roomId, 'm.room.server_acl', { allow: ['*'], deny: [stranger] });
    },
    sends: (room) => room.message('let me in'),
    gets: /not allowed to take part/,
    clientsSee: 'nothing',
  },
  {
    what: 'the same event twice in a transaction',
    in: ['1', '10', '12'],
    sends(room) {
      const sent = room.message('twice');
      return [sent, sent];
    },
    ...seen,
  },
  {
    what: 'an event that came in another transaction before',
    async sends(room) {
      const sent = room.message('again');
      await room.stage.sends({ pdus: [sent.pdu] });
      return sent;
    },
    ...seen,
  },
] satisfies readonly Row[]);
