import assert from 'node:assert/strict';

import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing/homeserver';

type From = 'never there' | 'invited' | 'joined' | 'left' | 'kicked' | 'knocking' | 'banned';
type Action = 'join' | 'leave' | 'knock' | 'invite' | 'kick' | 'ban' | 'unban';
type Who = 'Alice' | 'Carol' | 'Mallory' | 'Bob';

/** Alice made the room, Carol is an ordinary member, Mallory a stranger. Whatever they do, they do it to Bob. */
const outcomes: readonly [who: Who, does: Action, rule: 'public' | 'invite' | 'knock', Partial<Record<From, string>>][] = [
  [
    'Bob',
    'join',
    'public',
    { 'never there': 'join', invited: 'join', joined: 'join', left: 'join', kicked: 'join', banned: 'M_BAD_STATE' },
  ],
  [
    'Bob',
    'join',
    'invite',
    { 'never there': 'M_FORBIDDEN', invited: 'join', left: 'M_FORBIDDEN', kicked: 'M_FORBIDDEN', banned: 'M_BAD_STATE' },
  ],
  ['Bob', 'join', 'knock', { knocking: 'M_FORBIDDEN', invited: 'join' }],
  [
    'Bob',
    'leave',
    'public',
    {
      'never there': 'M_FORBIDDEN',
      invited: 'leave',
      joined: 'leave',
      left: 'leave',
      kicked: 'M_FORBIDDEN',
      banned: 'M_FORBIDDEN',
    },
  ],
  ['Bob', 'leave', 'knock', { knocking: 'leave' }],
  [
    'Bob',
    'knock',
    'knock',
    {
      'never there': 'knock',
      invited: 'M_FORBIDDEN',
      joined: 'M_FORBIDDEN',
      left: 'knock',
      kicked: 'knock',
      knocking: 'knock',
      banned: 'M_BAD_STATE',
    },
  ],
  ['Bob', 'knock', 'public', { 'never there': 'M_FORBIDDEN' }],
  [
    'Alice',
    'invite',
    'invite',
    {
      'never there': 'invite',
      invited: 'invite',
      joined: 'M_FORBIDDEN',
      left: 'invite',
      kicked: 'invite',
      banned: 'M_BAD_STATE',
    },
  ],
  ['Alice', 'invite', 'knock', { knocking: 'invite' }],
  ['Carol', 'invite', 'public', { 'never there': 'M_FORBIDDEN' }],
  ['Mallory', 'invite', 'public', { 'never there': 'M_FORBIDDEN' }],
  [
    'Alice',
    'kick',
    'public',
    {
      'never there': 'M_FORBIDDEN',
      invited: 'leave',
      joined: 'leave',
      left: 'M_FORBIDDEN',
      kicked: 'M_FORBIDDEN',
      banned: 'M_FORBIDDEN',
    },
  ],
  ['Alice', 'kick', 'knock', { knocking: 'leave' }],
  ['Carol', 'kick', 'public', { joined: 'M_FORBIDDEN', invited: 'M_FORBIDDEN' }],
  ['Mallory', 'kick', 'public', { joined: 'M_FORBIDDEN' }],
  ['Alice', 'ban', 'public', { 'never there': 'ban', invited: 'ban', joined: 'ban', left: 'ban', kicked: 'ban', banned: 'ban' }],
  ['Alice', 'ban', 'knock', { knocking: 'ban' }],
  ['Carol', 'ban', 'public', { joined: 'M_FORBIDDEN', 'never there': 'M_FORBIDDEN' }],
  ['Mallory', 'ban', 'public', { joined: 'M_FORBIDDEN' }],
  [
    'Alice',
    'unban',
    'public',
    { 'never there': 'M_BAD_STATE', invited: 'M_BAD_STATE', joined: 'M_BAD_STATE', left: 'M_BAD_STATE', banned: 'leave' },
  ],
  ['Carol', 'unban', 'public', { banned: 'M_FORBIDDEN' }],
  ['Bob', 'unban', 'public', { banned: 'M_FORBIDDEN' }],
];

interface Cast {
  readonly Alice: Person;
  readonly Bob: Person;
  readonly Carol: Person;
  readonly Mallory: Person;
}

async function invited(homeserver: TestHomeserver): Promise<Cast> {
  const [Alice, Bob, Carol, Mallory] = await Promise.all(
    ['alice', 'bob', 'carol', 'mallory'].map((name) => homeserver.person(name)),
  );
  assert.ok(Alice && Bob && Carol && Mallory);
  return { Alice, Bob, Carol, Mallory };
}

async function roomIn(from: From, rule: string, { Alice, Bob, Carol }: Cast): Promise<string> {
  const room = await Alice.createsRoom({ preset: 'public_chat' });
  await Carol.joins(room);
  const onBob = (action: Action): Promise<unknown> => Alice.post(`/rooms/${room}/${action}`, { user_id: Bob.userId });
  if (from === 'joined' || from === 'left' || from === 'kicked') await Bob.joins(room);
  if (from === 'left') await Bob.leaves(room);
  if (from === 'kicked') await onBob('kick');
  if (from === 'banned') await onBob('ban');
  if (from === 'invited') await onBob('invite');
  if (rule !== 'public') await Alice.setsState(room, 'm.room.join_rules', { join_rule: rule });
  if (from === 'knocking') await Bob.post(`/knock/${room}`);
  return room;
}

forEachHomeserver('who may do what to whom', ({ test }) => {
  for (const [who, does, rule, byState] of outcomes) {
    for (const [from, outcome] of Object.entries(byState)) {
      const ends = outcome.startsWith('M_') ? `refused with ${outcome}` : `membership ${outcome}`;
      const sentence = who === 'Bob' ? `Bob (${from}), wants to ${does}` : `${who} wants to ${does} Bob (${from})`;
      test(`${sentence} under the join rule ${rule}: ${ends}`, async ({ homeserver }) => {
        const cast = await invited(homeserver);
        const room = await roomIn(from as From, rule, cast);
        const path = does === 'knock' ? `/knock/${room}` : `/rooms/${room}/${does}`;
        const aboutOthers = does !== 'join' && does !== 'leave' && does !== 'knock';
        const body = { reason: 'a reason', ...(aboutOthers && { user_id: cast.Bob.userId }) };
        const answer = await cast[who].request('POST', path, { body });
        if (outcome.startsWith('M_')) {
          assert.deepEqual({ status: answer.status, errcode: answer.body.errcode }, { status: 403, errcode: outcome });
          return;
        }
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        const { content } = await cast.Alice.get(`/rooms/${room}/state/m.room.member/${cast.Bob.userId}`, { format: 'event' });
        assert.equal(content.membership, outcome);
        // Where nothing changes there is nothing to give reasons for.
        const stays = (does === 'join' && from === 'joined') || (does === 'leave' && from === 'left');
        assert.equal(content.reason, stays ? undefined : 'a reason');
      });
    }
  }
});
