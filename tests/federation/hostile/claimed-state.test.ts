import assert from 'node:assert/strict';

import type { Pdu } from '@myelin/protocol/events';
import type { EventId, UserId } from '@myelin/protocol/identifiers';

import { mallory, stranger } from '../stranger.ts';
import { type HostileRoom, type Sent } from './hostile-room.ts';
import { holdAgainst, type Row } from './table.ts';

const unseen = { gets: 'taken', clientsSee: 'nothing' } as const;
const seen = { gets: 'taken', clientsSee: 'the event' } as const;
const path = (what: string, room: HostileRoom): string => `/_matrix/federation/v1/${what}/${encodeURIComponent(room.roomId)}`;
const alone = (): Promise<void> => Promise.resolve();

interface Claim {
  /** What is said to be the state; by default what it is. */
  readonly state?: readonly unknown[];
  readonly chain?: readonly unknown[];
  /** Events that whoever asks is given. */
  readonly gives?: readonly { readonly eventId: EventId; readonly pdu: Pdu }[];
}

/**
 * An event that is not here, of which the stranger says what the room was after it, and another event upon it. The stranger gives
 * nothing in between, so its word is all there is.
 */
const upon = (room: HostileRoom, claim: Claim, draft: Parameters<HostileRoom['event']>[0] = {}): Sent => {
  const { stranger: server } = room.stage;
  const lost = room.message('lost');
  room.stage.library.set(lost.eventId, lost.pdu);
  for (const { eventId, pdu } of claim.gives ?? []) room.stage.library.set(eventId, pdu);
  const ids = { pdu_ids: claim.state ?? realState(room), auth_chain_ids: claim.chain ?? realState(room) };
  server.answers.set(path('get_missing_events', room), () => ({ events: [] }));
  server.answers.set(path('state_ids', room), () => ids);
  return room.event({ prev: [lost.eventId], ...draft });
};
const realState = (room: HostileRoom): EventId[] => [...room.ids].filter(([key]) => !key.includes(' ')).map(([, id]) => id);
const without = (room: HostileRoom, ...keys: readonly string[]): EventId[] => {
  const left = keys.map((key) => room.id(key));
  return realState(room).filter((id) => !left.includes(id));
};
const aliceIsThere = async (room: HostileRoom): Promise<void> => {
  assert.equal((await room.state('m.room.member', room.alice.userId)).membership, 'join');
  await room.alice.says('still here', room.roomId);
};
const isNotRenamed = async (room: HostileRoom): Promise<void> => assert.equal(await room.state('m.room.name'), undefined);
const renames = (auth?: readonly EventId[]): Parameters<HostileRoom['event']>[0] => ({
  type: 'm.room.name',
  stateKey: '',
  content: { name: 'Mine' },
  ...(auth && { auth }),
});
const powers = (room: HostileRoom): Sent & { readonly eventId: EventId } =>
  room.event({ type: 'm.room.power_levels', stateKey: '', content: { users: { [mallory]: 100 } } });
const eve = `@eve:${stranger}` as UserId;

holdAgainst('what a stranger says that a room was', [
  {
    what: 'the truth',
    in: ['1', '6', '10', '12'],
    given: alone,
    sends: (room) => upon(room, {}),
    ...seen,
    afterwards: aliceIsThere,
  },
  {
    what: 'that it has power by an event of its own',
    in: ['1', '6', '10', '12'],
    given: alone,
    sends(room) {
      const forged = powers(room);
      const state = [...without(room, 'm.room.power_levels'), forged.eventId];
      const auth = room.auth().map((id) => (id === room.id('m.room.power_levels') ? forged.eventId : id));
      return upon(room, { state, gives: [forged] }, renames(auth));
    },
    ...unseen,
    afterwards: isNotRenamed,
  },
  {
    what: 'the same, upon the power levels that are',
    in: ['6', '10', '12'],
    given: alone,
    sends(room) {
      const forged = powers(room);
      return upon(room, { state: [...without(room, 'm.room.power_levels'), forged.eventId], gives: [forged] }, renames());
    },
    ...unseen,
    afterwards: isNotRenamed,
  },
  {
    what: 'that there are no power levels',
    in: ['6', '10', '12'],
    given: alone,
    sends(room) {
      const auth = room.auth().filter((id) => id !== room.id('m.room.power_levels'));
      return upon(room, { state: without(room, 'm.room.power_levels') }, renames(auth));
    },
    ...unseen,
    afterwards: isNotRenamed,
  },
  {
    what: 'that it has the power it had once',
    in: ['6', '10', '12'],
    async given(room) {
      await room.empowers(50);
      room.ids.set('once powers', room.id('m.room.power_levels'));
      await room.empowers(0);
    },
    sends(room) {
      const auth = room.auth().map((id) => (id === room.id('m.room.power_levels') ? room.id('once powers') : id));
      const state = [...without(room, 'm.room.power_levels'), room.id('once powers')];
      return upon(room, { state, chain: [...realState(room), room.id('once powers')] }, renames(auth));
    },
    ...unseen,
    afterwards: isNotRenamed,
  },
  {
    what: 'the power levels of another room',
    given: async (room) => void (room.elsewhere = await room.stage.room(room.rules.id)),
    sends(room) {
      const other = room.elsewhere?.id('m.room.power_levels');
      assert.ok(other);
      return upon(room, { state: [...without(room, 'm.room.power_levels'), other], chain: [...realState(room), other] });
    },
    gets: 'taken',
    async afterwards(room) {
      await aliceIsThere(room);
      const { users } = await room.state('m.room.power_levels');
      assert.equal(users[mallory], undefined);
    },
  },
  {
    what: 'that Alice is not there',
    in: ['6', '10', '12'],
    given: alone,
    sends: (room) => upon(room, { state: without(room, room.alice.userId) }),
    gets: 'taken',
    afterwards: aliceIsThere,
  },
  {
    what: 'that Alice has left, by a letter of its own',
    in: ['6', '10', '12'],
    given: alone,
    sends(room) {
      const left = room.event({
        type: 'm.room.member',
        sender: mallory,
        stateKey: room.alice.userId,
        content: { membership: 'leave' },
        auth: room.auth(room.alice.userId),
      });
      return upon(room, { state: [...without(room, room.alice.userId), left.eventId], gives: [left] });
    },
    gets: 'taken',
    afterwards: aliceIsThere,
  },
  {
    what: 'that somebody whom Alice has banned is not banned',
    in: ['6', '10', '12'],
    async given(room) {
      const ban = `/rooms/${encodeURIComponent(room.roomId)}/ban`;
      await room.alice.post(ban, { user_id: eve });
    },
    sends: (room) => upon(room, {}),
    ...seen,
    async afterwards(room) {
      assert.equal((await room.state('m.room.member', eve)).membership, 'ban');
    },
  },
  {
    what: 'two answers for one place',
    given: (room) => room.empowers(10),
    sends: (room) => upon(room, { state: [...realState(room), room.id('m.room.power_levels before')] }),
    ...unseen,
    afterwards: aliceIsThere,
  },
  {
    what: 'messages where state should be',
    given: alone,
    sends(room) {
      const message = room.message('I am state');
      return upon(room, { state: [...realState(room), message.eventId], gives: [message] });
    },
    gets: 'taken',
    afterwards: aliceIsThere,
  },
  {
    what: 'nothing',
    in: ['6', '10', '12'],
    given: alone,
    sends: (room) => upon(room, { state: [] }),
    ...unseen,
    afterwards: aliceIsThere,
  },
  {
    what: 'everything but the beginning',
    given: alone,
    sends: (room) => upon(room, { state: without(room, 'm.room.create') }),
    gets: 'taken',
    afterwards: aliceIsThere,
  },
  {
    what: 'things that are no ids',
    given: alone,
    sends: (room) => upon(room, { state: [7, null, '', '$', 'x'.repeat(300), {}], chain: ['no'] }),
    ...unseen,
    afterwards: aliceIsThere,
  },
  {
    what: 'events that it does not give',
    given: alone,
    sends: (room) => upon(room, { state: [...realState(room), ...nobodys(30)] }),
    gets: 'taken',
    afterwards: aliceIsThere,
  },
  {
    what: 'more than any room has',
    in: ['10'],
    given: alone,
    sends: (room) => upon(room, { state: nobodys(300_000), chain: nobodys(300_000) }),
    ...unseen,
    afterwards: aliceIsThere,
  },
  {
    what: 'an auth chain that goes round',
    in: ['1'],
    given: alone,
    sends(room) {
      const [one, two] = [room.newName(), room.newName()];
      const power = (eventId: EventId, by: EventId): Sent & { readonly eventId: EventId } => {
        const auth = [...room.auth().filter((id) => id !== room.id('m.room.power_levels')), by];
        return room.event({ type: 'm.room.power_levels', stateKey: '', content: { users: { [mallory]: 100 } }, eventId, auth });
      };
      const gives = [power(one, two), power(two, one)];
      const auth = room.auth().map((id) => (id === room.id('m.room.power_levels') ? one : id));
      return upon(room, { state: [...without(room, 'm.room.power_levels'), one], chain: [one, two], gives }, renames(auth));
    },
    ...unseen,
    afterwards: isNotRenamed,
  },
  {
    what: 'another thing each time it is asked',
    given: alone,
    sends(room) {
      const sent = upon(room, {});
      let asked = 0;
      const answer = (): object => ({ pdu_ids: ++asked % 2 === 0 ? [] : realState(room), auth_chain_ids: [] });
      room.stage.stranger.answers.set(path('state_ids', room), answer);
      return sent;
    },
    gets: 'taken',
    afterwards: aliceIsThere,
  },
] satisfies readonly Row[]);

/** Ids of events that nobody has. */
function nobodys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `$${String(index).padStart(43, 'n')}`);
}
