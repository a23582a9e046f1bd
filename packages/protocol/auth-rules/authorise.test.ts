import assert from 'node:assert/strict';
import { test } from 'node:test';

import { authorise } from './authorise.ts';
import { alice, bob, carol, dave, erin, eventIn, mallory, tell, usualLevels, versions } from './testing/room-story.ts';
import type { Attempt } from './testing/room-story.ts';

const says = (sender: string): Attempt => ({ type: 'm.room.message', sender, content: { body: 'hello' } });

test('Nothing may happen in a room that was never created', () => {
  for (const rules of versions('1-12')) {
    const verdict = authorise(eventIn(rules, says(alice)), rules, () => undefined);
    assert.deepEqual(verdict, { allowed: false, reason: 'the room has no m.room.create event' });
  }
});

// Any event
// prettier-ignore
tell([
  { says: 'Carol says hello', in: '1-12', try: says(carol), expect: 'allowed' },
  { says: 'Dave, who is not there, says hello', in: '1-12', try: says(dave), expect: /not in the room/ },
  { says: 'Dave, who is invited, says hello', in: '1-12', room: { members: { [dave]: 'invite' } }, try: says(dave), expect: /not in the room/ },
  { says: 'Mallory, who is banned, says hello', in: '1-12', room: { members: { [mallory]: 'ban' } }, try: says(mallory), expect: /not in the room/ },
  { says: 'Carol speaks where moderators speak', in: '1-12', room: { levels: { events_default: 50 } }, try: says(carol), expect: /needs power level 50/ },
  { says: 'Carol speaks where messages have a level of their own', in: '1-12', room: { levels: { events_default: 50, events: { 'm.room.message': 0 } } }, try: says(carol), expect: 'allowed' },
  { says: 'Carol speaks where levels are strings', in: '1-9', room: { levels: { events_default: '50' } }, try: says(carol), expect: /needs power level 50/ },
  { says: 'Alice speaks where nobody may', in: '12', room: { levels: { events_default: 9007199254740991 } }, try: says(alice), expect: 'allowed' },
  { says: 'Bob sets a topic', in: '1-12', try: { type: 'm.room.topic', sender: bob, stateKey: '' }, expect: 'allowed' },
  { says: 'Carol sets a topic', in: '1-12', try: { type: 'm.room.topic', sender: carol, stateKey: '' }, expect: /m\.room\.topic needs power level 50/ },
  { says: 'Carol sets a topic where all may', in: '1-12', room: { levels: { state_default: 0 } }, try: { type: 'm.room.topic', sender: carol, stateKey: '' }, expect: 'allowed' },
  { says: 'A type that every JavaScript object has', in: '1-12', try: { type: 'constructor', sender: carol }, expect: 'allowed' },
  { says: 'Bob keeps something under his own name', in: '1-12', try: { type: 'org.example.note', sender: bob, stateKey: bob }, expect: 'allowed' },
  { says: 'Bob keeps something under Carol’s name', in: '1-12', try: { type: 'org.example.note', sender: bob, stateKey: carol }, expect: /belongs to another user/ },
  { says: 'Even Alice keeps nothing under Carol’s name', in: '1-12', try: { type: 'org.example.note', sender: alice, stateKey: carol }, expect: /belongs to another user/ },
  { says: 'Bob keeps something under a name that only begins like a user', in: '1-12', try: { type: 'org.example.note', sender: bob, stateKey: '@' }, expect: /belongs to another user/ },
  { says: 'Carol speaks in a room of one server', in: '1-12', room: { create: { 'm.federate': false } }, try: says(carol), expect: /users of a\.example only/ },
  { says: 'Erin speaks in a room of her server', in: '1-12', room: { create: { 'm.federate': false }, members: { [erin]: 'join' } }, try: says(erin), expect: 'allowed' },
  { says: 'The room id does not name the create event', in: '12', try: { ...says(carol), roomId: '!other:a.example' }, expect: /does not name the create event/ },
  { says: 'A room id names nothing yet', in: '1-11', try: { ...says(carol), roomId: '!other:a.example' }, expect: 'allowed' },
]);

// Invitations by email
const invites = (sender: string): Attempt => ({ type: 'm.room.third_party_invite', sender, stateKey: 'token', content: {} });
// prettier-ignore
tell([
  { says: 'Carol invites an email address', in: '1-12', try: invites(carol), expect: 'allowed' },
  { says: 'Dave invites an email address from outside', in: '1-12', try: invites(dave), expect: /not in the room/ },
  { says: 'Carol invites an email address where moderators may', in: '1-12', room: { levels: { invite: 50 } }, try: invites(carol), expect: /inviting needs power level 50/ },
  { says: 'The invite level counts, not that of state events', in: '1-12', room: { levels: { invite: 0, state_default: 100 } }, try: invites(carol), expect: 'allowed' },
  { says: 'The token may look like a user', in: '1-12', try: { ...invites(carol), stateKey: bob }, expect: 'allowed' },
]);

// Aliases
const aliases = (sender: string, stateKey?: string): Attempt => ({
  type: 'm.room.aliases',
  sender,
  ...(stateKey !== undefined && { stateKey }),
});
// prettier-ignore
tell([
  { says: 'Carol’s server lists its aliases', in: '1-5', try: aliases(carol, 'c.example'), expect: 'allowed' },
  { says: 'A server lists aliases through somebody who is not there', in: '1-5', try: aliases(dave, 'd.example'), expect: 'allowed' },
  { says: 'Mallory lists the aliases of Carol’s server', in: '1-5', room: { members: { [mallory]: 'join' } }, try: aliases(mallory, 'c.example'), expect: /not @mallory/ },
  { says: 'Aliases come as a message', in: '1-5', try: aliases(carol), expect: /no state_key/ },
  { says: 'Aliases of a closed room', in: '1-5', room: { create: { 'm.federate': false } }, try: aliases(carol, 'c.example'), expect: /users of a\.example only/ },
  { says: 'Aliases are like any state', in: '6-12', try: aliases(carol, 'c.example'), expect: /needs power level 50/ },
  { says: 'Bob lists any server’s aliases', in: '6-12', try: aliases(bob, 'c.example'), expect: 'allowed' },
]);

// Redactions
const redacts = (sender: string, eventId: string, redacted?: string): Attempt => {
  return { type: 'm.room.redaction', sender, eventId, ...(redacted !== undefined && { redacts: redacted }) };
};
// prettier-ignore
tell([
  { says: 'Bob redacts anything', in: '1-2', try: redacts(bob, '$r:b.example', '$x:c.example'), expect: 'allowed' },
  { says: 'Carol redacts what came from her server', in: '1-2', try: redacts(carol, '$r:c.example', '$x:c.example'), expect: 'allowed' },
  { says: 'Carol redacts what came from another server', in: '1-2', try: redacts(carol, '$r:c.example', '$x:b.example'), expect: /needs power level 50/ },
  { says: 'Carol redacts where all may', in: '1-2', room: { levels: { redact: 0 } }, try: redacts(carol, '$r:c.example', '$x:b.example'), expect: 'allowed' },
  { says: 'Carol redacts nothing', in: '1-2', try: redacts(carol, '$r:c.example'), expect: /needs power level 50/ },
  { says: 'Whether a redaction is applied is seen later', in: '3-12', try: redacts(carol, '$r', '$x'), expect: 'allowed' },
  { says: 'Redactions have a level as a type', in: '1-12', room: { levels: { events: { 'm.room.redaction': 50 } } }, try: redacts(carol, '$r:c.example', '$x:c.example'), expect: /m\.room\.redaction needs power level 50/ },
]);

test('The usual power levels of these stories name Alice where they may', () => {
  for (const rules of versions('1-11')) assert.deepEqual(usualLevels(rules), { users: { [alice]: 100, [bob]: 50 } });
  for (const rules of versions('12')) assert.deepEqual(usualLevels(rules), { users: { [bob]: 50 } });
});
