import assert from 'node:assert/strict';

import type { JsonObject } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';

import { hive, mallory, stranger } from '../stranger.ts';
import { third, type HostileRoom, type Sent } from './hostile-room.ts';
import { holdAgainst, type Row } from './table.ts';

/** The answer leaves before the room is asked: what the room does not allow is taken, and nobody sees it. */
const unseen = { gets: 'taken', clientsSee: 'nothing' } as const;
const seen = { gets: 'taken', clientsSee: 'the event' } as const;
const powerful = (room: HostileRoom): Promise<void> => room.empowers(50);
const mighty = (room: HostileRoom): Promise<void> => room.empowers(100);

const member = (room: HostileRoom, stateKey: string, content: JsonObject, more: readonly string[] = []): Sent =>
  room.event({ type: 'm.room.member', stateKey, content, auth: room.auth('m.room.join_rules', ...more) });
const powers = (room: HostileRoom, change: (levels: any) => unknown): Promise<Sent> =>
  room.state('m.room.power_levels').then((content) => {
    change(content);
    return room.event({ type: 'm.room.power_levels', stateKey: '', content });
  });
const name = (room: HostileRoom, auth?: readonly EventId[]): Sent & { readonly eventId: EventId } =>
  room.event({ type: 'm.room.name', stateKey: '', content: { name: 'Mine' }, ...(auth && { auth }) });
const isNotRenamed = async (room: HostileRoom): Promise<void> => assert.equal(await room.state('m.room.name'), undefined);
const forgedPowers = (room: HostileRoom): Sent & { readonly eventId: EventId } =>
  room.event({ type: 'm.room.power_levels', stateKey: '', content: { users: { [mallory]: 100 } } });
const banned = async (room: HostileRoom): Promise<void> => {
  await room.isWitnessed();
  const path = `/rooms/${encodeURIComponent(room.roomId)}/state/m.room.member/${encodeURIComponent(mallory)}`;
  const { event_id: ban } = await room.alice.put(path, { membership: 'ban' });
  room.ids.set('joined', room.id(mallory));
  await room.learns('banned', ban);
};
/** An event of Alice's other room, which the homeserver knows. */
const fromOtherRoom = async (room: HostileRoom, key: string): Promise<EventId> =>
  (await room.stage.room(room.rules.id)).id(key === 'join' ? mallory : key);

holdAgainst('events that their room does not allow', [
  {
    what: 'a message of somebody who has never joined',
    in: ['1', '10', '12'],
    sends: (room) => room.event({ sender: `@nobody:${stranger}` }),
    ...unseen,
  },
  {
    what: 'a message that names no membership of its sender',
    sends: (room) => room.event({ auth: room.auth().slice(0, -1) }),
    ...unseen,
  },
  {
    what: 'a message that names somebody else’s membership',
    sends: (room) => room.event({ auth: [...room.auth().slice(0, -1), room.id(room.alice.userId)] }),
    ...unseen,
  },
  { what: 'a message that names nothing', sends: (room) => room.event({ auth: [] }), ...unseen },
  {
    what: 'a message that does not name the create event',
    in: ['1', '10', '11'],
    sends: (room) => room.event({ auth: room.auth().slice(1) }),
    ...unseen,
  },
  {
    what: 'a message that names the create event where the room id does',
    in: ['12'],
    sends: (room) => room.event({ auth: [room.id('m.room.create'), ...room.auth()] }),
    ...unseen,
  },
  { what: 'the same auth event twice', sends: (room) => room.event({ auth: [...room.auth(), room.id(mallory)] }), ...unseen },
  {
    what: 'two auth events for one piece of state',
    given: powerful,
    sends: (room) => room.event({ auth: [...room.auth(), room.id('m.room.power_levels before')] }),
    ...unseen,
  },
  {
    what: 'an auth event that a message has no use for',
    sends: (room) => room.event({ auth: [...room.auth(), room.id('m.room.join_rules')] }),
    ...unseen,
  },
  {
    what: 'an auth event that is no state',
    sends(room) {
      const message = room.message('I allow it');
      return [message, room.event({ auth: [...room.auth(), message.eventId] })];
    },
    ...unseen,
  },
  {
    what: 'auth events of another room',
    async sends(room) {
      const levels = await fromOtherRoom(room, 'm.room.power_levels');
      return room.event({ auth: room.auth().map((id) => (id === room.id('m.room.power_levels') ? levels : id)) });
    },
    ...unseen,
  },
  {
    what: 'the membership of another room',
    async sends(room) {
      return room.event({ auth: [...room.auth().slice(0, -1), await fromOtherRoom(room, 'join')] });
    },
    ...unseen,
  },
  {
    what: 'an event after one of another room',
    async sends(room) {
      return room.event({ prev: [await fromOtherRoom(room, 'join')] });
    },
    ...unseen,
  },
  { what: 'an event that follows no other', sends: (room) => room.event({ prev: [] }), ...unseen },
  { what: 'auth events that nobody has', sends: (room) => room.event({ auth: [...room.auth(), unheardOf(room)] }), ...unseen },
  { what: 'a name that Mallory may not give', sends: (room) => name(room), ...unseen, afterwards: isNotRenamed },
  {
    what: 'power that Mallory gives herself',
    in: ['1', '6', '10', '12'],
    sends: forgedPowers,
    ...unseen,
    async afterwards(room) {
      assert.equal((await room.state('m.room.power_levels')).users[mallory], undefined);
    },
  },
  {
    what: 'a name by the power that Mallory gave herself',
    in: ['1', '6', '10', '12'],
    sends(room) {
      const forged = forgedPowers(room);
      return [
        forged,
        name(
          room,
          room.auth().map((id) => (id === room.id('m.room.power_levels') ? forged.eventId : id)),
        ),
      ];
    },
    ...unseen,
    afterwards: isNotRenamed,
  },
  {
    what: 'a name by power in an event that was never sent but can be asked for',
    sends(room) {
      const forged = forgedPowers(room);
      room.stage.library.set(forged.eventId, forged.pdu);
      return name(
        room,
        room.auth().map((id) => (id === room.id('m.room.power_levels') ? forged.eventId : id)),
      );
    },
    ...unseen,
    afterwards: isNotRenamed,
  },
  {
    what: 'a name without any power levels, as if nobody had set some',
    sends: (room) =>
      name(
        room,
        room.auth().filter((id) => id !== room.id('m.room.power_levels')),
      ),
    ...unseen,
    afterwards: isNotRenamed,
  },
  {
    what: 'a message after one that was not allowed',
    sends(room) {
      const refused = name(room);
      return [refused, room.event({ prev: [refused.eventId] })];
    },
    ...seen,
    afterwards: isNotRenamed,
  },
  { what: 'a name within Mallory’s power', given: powerful, sends: (room) => name(room), ...seen },
  {
    what: 'a state key that is another user',
    given: powerful,
    sends: (room) => room.event({ type: 'org.example.seat', stateKey: room.alice.userId }),
    ...unseen,
  },
  {
    what: 'a state key that is her own',
    given: powerful,
    sends: (room) => room.event({ type: 'org.example.seat', stateKey: mallory }),
    ...seen,
  },
  {
    what: 'a state key that begins as a user does',
    given: powerful,
    sends: (room) => room.event({ type: 'org.example.seat', stateKey: '@' }),
    ...unseen,
  },
  {
    what: 'more power than she has',
    given: mighty,
    sends: (room) => powers(room, (levels) => (levels.users[mallory] = 101)),
    ...unseen,
  },
  {
    what: 'a higher bar than she can reach',
    given: mighty,
    sends: (room) => powers(room, (levels) => (levels.ban = 110)),
    ...unseen,
  },
  {
    what: 'power in letters',
    given: mighty,
    sends: (room) => powers(room, (levels) => (levels.kick = '50')),
    in: ['10', '12'],
    ...unseen,
  },
  {
    what: 'power in letters where that was heard',
    given: mighty,
    sends: (room) => powers(room, (levels) => (levels.kick = '50')),
    in: ['6', '9'],
    ...seen,
  },
  {
    what: 'power for what is no user',
    given: mighty,
    sends: (room) => powers(room, (levels) => (levels.users['bob'] = 10)),
    ...unseen,
  },
  {
    what: 'a list of users with power',
    given: mighty,
    sends: (room) => powers(room, (levels) => (levels.users = [])),
    ...unseen,
  },
  {
    what: 'power for the creator, who has it all',
    in: ['12'],
    given: mighty,
    sends: (room) => powers(room, (levels) => (levels.users[room.alice.userId] = 0)),
    ...unseen,
  },
  {
    what: 'the power of Alice taken away',
    in: ['10'],
    given: mighty,
    sends: (room) => powers(room, (levels) => delete levels.users[room.alice.userId]),
    ...unseen,
  },
  {
    what: 'aliases for another server',
    in: ['1', '5'],
    sends: (room) => room.event({ type: 'm.room.aliases', stateKey: hive, content: { aliases: [] }, auth: room.auth() }),
    ...unseen,
  },
  {
    what: 'a second create event',
    in: ['1', '10', '11'],
    sends: (room) =>
      room.event({ type: 'm.room.create', stateKey: '', content: { creator: mallory, room_version: room.rules.id }, auth: [] }),
    ...unseen,
    async afterwards(room) {
      assert.notEqual((await room.state('m.room.create')).creator, mallory);
    },
  },
  {
    what: 'a first event of a room that has one',
    in: ['1', '10', '11'],
    sends: (room) =>
      room.event({
        type: 'm.room.create',
        stateKey: '',
        content: { creator: mallory, room_version: room.rules.id },
        auth: [],
        prev: [],
      }),
    ...unseen,
  },
  {
    what: 'a create event that says which room it is of',
    in: ['12'],
    sends: (room) =>
      room.event({ type: 'm.room.create', stateKey: '', content: { room_version: '12' }, auth: [] }, { room_id: room.roomId }),
    gets: 'no result',
    clientsSee: 'nothing',
  },

  { what: 'a join of somebody else', sends: (room) => member(room, `@other:${stranger}`, { membership: 'join' }), ...unseen },
  {
    what: 'a leave of Alice',
    sends: (room) => member(room, room.alice.userId, { membership: 'leave' }, [room.alice.userId]),
    ...unseen,
  },
  {
    what: 'a ban of Alice',
    sends: (room) => member(room, room.alice.userId, { membership: 'ban' }, [room.alice.userId]),
    ...unseen,
  },
  {
    what: 'a ban of Alice by somebody with power',
    given: powerful,
    sends: (room) => member(room, room.alice.userId, { membership: 'ban' }, [room.alice.userId]),
    ...unseen,
  },
  { what: 'a membership that is none', sends: (room) => member(room, mallory, { membership: 'dances' }), ...unseen },
  { what: 'a membership that is a number', sends: (room) => member(room, mallory, { membership: 1 }), ...unseen },
  { what: 'a member event without a membership', sends: (room) => member(room, mallory, {}), ...unseen },
  {
    what: 'a member event without a state key',
    sends: (room) => room.event({ type: 'm.room.member', content: { membership: 'join' } }),
    ...unseen,
  },
  { what: 'a member event of what is no user', sends: (room) => member(room, 'mallory', { membership: 'join' }), ...unseen },
  {
    what: 'an invite of who is in the room',
    given: powerful,
    sends: (room) => member(room, room.alice.userId, { membership: 'invite' }, [room.alice.userId]),
    ...unseen,
  },
  {
    what: 'a third-party invite that nobody has made',
    given: powerful,
    sends(room) {
      const signed = { mxid: `@carol:${third}`, token: 'none', signatures: {} };
      const content = { membership: 'invite', third_party_invite: { display_name: 'c', signed } };
      return member(room, `@carol:${third}`, content);
    },
    ...unseen,
  },
  {
    what: 'a knock where one may join',
    in: ['7', '10', '12'],
    sends: (room) => member(room, mallory, { membership: 'knock' }),
    ...unseen,
  },
  { what: 'a new name of her own', sends: (room) => member(room, mallory, { membership: 'join', displayname: 'M.' }), ...seen },

  {
    what: 'a message from before the ban that comes after it',
    in: ['6', '10', '12'],
    given: banned,
    sends: (room) => room.event({ prev: [room.id('joined')] }),
    ...unseen,
  },
  {
    what: 'a message after the ban as if there were none',
    given: banned,
    sends: (room) => room.event({ prev: [room.id('banned')] }),
    ...unseen,
  },
  {
    what: 'a message after the ban that names it',
    given: banned,
    sends: (room) => room.event({ prev: [room.id('banned')], auth: [...room.auth().slice(0, -1), room.id('banned')] }),
    ...unseen,
  },
  {
    what: 'a join from before the ban that comes after it',
    in: ['6', '10', '12'],
    given: banned,
    sends: (room) => member(room, mallory, { membership: 'join', displayname: 'M.' }),
    ...unseen,
    async afterwards(room) {
      assert.equal((await room.state('m.room.member', mallory)).membership, 'ban');
    },
  },
  {
    what: 'a leave that undoes the ban',
    given: banned,
    sends: (room) =>
      room.event({
        type: 'm.room.member',
        stateKey: mallory,
        content: { membership: 'leave' },
        prev: [room.id('banned')],
        auth: [...room.auth().slice(0, -1), room.id('banned')],
      }),
    ...unseen,
    async afterwards(room) {
      assert.equal((await room.state('m.room.member', mallory)).membership, 'ban');
    },
  },
] satisfies readonly Row[]);

function unheardOf(room: HostileRoom): EventId {
  return (room.rules.eventIds === 'assigned' ? `$nobody:${stranger}` : `$${'n'.repeat(43)}`) as EventId;
}
