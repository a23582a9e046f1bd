import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RoomEvent } from '../events/pdu.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { checkAuthEvents, selectAuthEvents } from './auth-events.ts';
import { alice, bob, carol, dave, eventIn, stateIn, versions } from './testing/room-story.ts';
import type { Attempt } from './testing/room-story.ts';

const create = 'm.room.create|';
const levels = 'm.room.power_levels|';
const joinRules = 'm.room.join_rules|';
const member = (user: string) => `m.room.member|${user}`;
const changes = (sender: string, target: string, membership: string, content = {}): Attempt => {
  return { type: 'm.room.member', sender, stateKey: target, content: { membership, ...content } };
};
const byEmail = { third_party_invite: { signed: { token: 'token', mxid: dave } } };
const via = { join_authorised_via_users_server: bob };

interface Selection {
  says: string;
  in: string;
  of: Attempt;
  is: string[];
}
// prettier-ignore
const selections: Selection[] = [
  { says: 'the first event', in: '1-12', of: { type: 'm.room.create', sender: alice, stateKey: '' }, is: [] },
  { says: 'a message', in: '1-11', of: { type: 'm.room.message', sender: carol }, is: [create, levels, member(carol)] },
  { says: 'a message', in: '12', of: { type: 'm.room.message', sender: carol }, is: [levels, member(carol)] },
  { says: 'a topic', in: '1-11', of: { type: 'm.room.topic', sender: carol, stateKey: '' }, is: [create, levels, member(carol)] },
  { says: 'a join', in: '1-11', of: changes(dave, dave, 'join'), is: [create, levels, joinRules, member(dave)] },
  { says: 'a join', in: '12', of: changes(dave, dave, 'join'), is: [levels, joinRules, member(dave)] },
  { says: 'an invitation', in: '1-11', of: changes(carol, dave, 'invite'), is: [create, levels, joinRules, member(carol), member(dave)] },
  { says: 'a knock', in: '7-11', of: changes(dave, dave, 'knock'), is: [create, levels, joinRules, member(dave)] },
  { says: 'a kick', in: '1-11', of: changes(bob, carol, 'leave'), is: [create, levels, member(bob), member(carol)] },
  { says: 'a ban', in: '12', of: changes(bob, carol, 'ban'), is: [levels, member(bob), member(carol)] },
  { says: 'an invitation by email', in: '1-11', of: changes(carol, dave, 'invite', byEmail), is: [create, levels, joinRules, 'm.room.third_party_invite|token', member(carol), member(dave)] },
  { says: 'an invitation by email with nothing signed', in: '1-11', of: changes(carol, dave, 'invite', { third_party_invite: 7 }), is: [create, levels, joinRules, member(carol), member(dave)] },
  { says: 'a join with an email’s token', in: '1-11', of: changes(dave, dave, 'join', byEmail), is: [create, levels, joinRules, member(dave)] },
  { says: 'a join that Bob lets in', in: '8-11', of: changes(dave, dave, 'join', via), is: [create, levels, joinRules, member(dave), member(bob)] },
  { says: 'a join that Bob lets in', in: '12', of: changes(dave, dave, 'join', via), is: [levels, joinRules, member(dave), member(bob)] },
  { says: 'a join that nobody can let in yet', in: '1-7', of: changes(dave, dave, 'join', via), is: [create, levels, joinRules, member(dave)] },
  { says: 'a leave after a join that Bob let in', in: '8-11', of: changes(dave, dave, 'leave', via), is: [create, levels, member(dave)] },
];
for (const { says, in: range, of, is } of selections) {
  for (const rules of versions(range)) {
    test(`The auth events of ${says} (version ${rules.id})`, () => {
      const selected = selectAuthEvents({ stateKey: undefined, content: {}, ...of }, rules);
      assert.deepEqual(selected.map((pair) => pair.join('|')).sort(), [...is].sort());
    });
  }
}

/** Carol's message and the auth events that she should name, made wrong in some way. */
function check(
  rules: RoomVersionRules,
  change: (chosen: RoomEvent[], state: RoomEvent[]) => RoomEvent[] = (chosen) => chosen,
  isRejected: (event: RoomEvent) => boolean = () => false,
) {
  const message = eventIn(rules, { type: 'm.room.message', sender: carol });
  const state = stateIn(rules);
  const wanted = selectAuthEvents(message, rules).map((pair) => pair.join('|'));
  const chosen = state.filter((event) => wanted.includes(`${event.type}|${event.stateKey}`));
  return checkAuthEvents(message, change(chosen, state), rules, isRejected);
}
const rejected = (verdict: ReturnType<typeof check>, reason: RegExp) => {
  assert.ok(!verdict.allowed);
  assert.match(verdict.reason, reason);
};

for (const rules of versions('1-12')) {
  test(`Auth events are to be well chosen (version ${rules.id})`, () => {
    assert.deepEqual(check(rules), { allowed: true });
    rejected(
      check(rules, (chosen) => [...chosen, { ...chosen[0]!, eventId: chosen[1]!.eventId }]),
      /two events for/,
    );
    rejected(
      check(rules, (chosen, state) => [...chosen, state.find((event) => event.stateKey === bob)!]),
      /does not authorise/,
    );
    rejected(
      check(rules, (chosen) => [...chosen, { ...chosen[0]!, stateKey: undefined }]),
      /does not authorise/,
    );
    rejected(
      check(rules, undefined, (event) => event.type === 'm.room.power_levels'),
      /was rejected/,
    );
    rejected(
      check(rules, (chosen) => chosen.map((event) => ({ ...event, roomId: '!other:a.example' as RoomEvent['roomId'] }))),
      /another room/,
    );
    // A room may have no power levels, and a sender may have no membership yet.
    assert.deepEqual(
      check(rules, (chosen) => chosen.filter((event) => event.type === 'm.room.create')),
      { allowed: true },
    );
  });
}

test('The create event is named, until the room id names it', () => {
  for (const rules of versions('1-11'))
    rejected(
      check(rules, (chosen) => chosen.slice(1)),
      /no m\.room\.create/,
    );
  for (const rules of versions('12'))
    rejected(
      check(rules, (chosen, state) => [state[0]!, ...chosen]),
      /does not authorise/,
    );
});

test('The create event has nothing to choose', () => {
  for (const rules of versions('1-12')) {
    assert.deepEqual(
      checkAuthEvents(stateIn(rules)[0]!, [], rules, () => false),
      { allowed: true },
    );
  }
});
