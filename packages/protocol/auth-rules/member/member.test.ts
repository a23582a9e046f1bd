import type { JsonObject } from '../../events/pdu.ts';
import { alice, bob, carol, dave, erin, mallory, tell } from '../testing/room-story.ts';
import type { Attempt } from '../testing/room-story.ts';

const member = (membership: string, sender: string, target = sender, content: JsonObject = {}): Attempt => {
  return { type: 'm.room.member', sender, stateKey: target, content: { membership, ...content } };
};
const first = { after: ['$create:a.example'] };

// The shape of the event
// prettier-ignore
tell([
  { says: 'A member event without a state key', in: '1-12', try: { type: 'm.room.member', sender: bob, content: { membership: 'join' } }, expect: /no state_key/ },
  { says: 'A member event without a membership', in: '1-12', try: { type: 'm.room.member', sender: bob, stateKey: bob }, expect: /no membership/ },
  { says: 'A membership that does not exist', in: '1-12', try: member('hover', bob), expect: /"hover" is not known/ },
  { says: 'A membership named like a property of every object', in: '1-12', try: member('constructor', bob), expect: /not known/ },
  { says: 'A membership that is an array', in: '1-12', try: { type: 'm.room.member', sender: bob, stateKey: bob, content: { membership: ['join'] } }, expect: /not known/ },
]);

// Joining
// prettier-ignore
tell([
  { says: 'Alice joins the room that she has just created', in: '1-12', room: { members: { [alice]: 'leave' } }, try: { ...member('join', alice), ...first }, expect: 'allowed' },
  { says: 'Mallory joins right after the creation', in: '1-12', try: { ...member('join', mallory), ...first }, expect: /not invited/ },
  { says: 'Alice comes back later without an invitation', in: '1-12', room: { members: { [alice]: 'leave' } }, try: member('join', alice), expect: /not invited/ },
  { says: 'Alice joins after the creation and something else', in: '1-12', room: { members: { [alice]: 'leave' } }, try: { ...member('join', alice), after: ['$create:a.example', '$x:a'] }, expect: /not invited/ },
  { says: 'The creator is whom the content names', in: '1-10', room: { create: { creator: bob }, members: { [bob]: 'leave' } }, try: { ...member('join', bob), ...first }, expect: 'allowed' },
  { says: 'The creator is the sender, whatever the content says', in: '11-12', room: { create: { creator: bob }, members: { [bob]: 'leave' } }, try: { ...member('join', bob), ...first }, expect: /not invited/ },
  { says: 'An additional creator needs an invitation like anybody', in: '12', room: { create: { additional_creators: [dave] } }, try: { ...member('join', dave), ...first }, expect: /not invited/ },
  { says: 'Dave joins where he was invited', in: '1-12', room: { members: { [dave]: 'invite' } }, try: member('join', dave), expect: 'allowed' },
  { says: 'Bob changes his name by joining again', in: '1-12', try: member('join', bob, bob, { displayname: 'Bobby' }), expect: 'allowed' },
  { says: 'Dave joins uninvited', in: '1-12', try: member('join', dave), expect: /not invited/ },
  { says: 'Dave joins a room that never set a join rule', in: '1-12', room: { joinRule: null }, try: member('join', dave), expect: /not invited/ },
  { says: 'Dave was invited to a room whose join rules say nothing', in: '1-12', room: { joinRule: {}, members: { [dave]: 'invite' } }, try: member('join', dave), expect: 'allowed' },
  { says: 'Dave joins a room whose join rules say nothing', in: '1-12', room: { joinRule: {} }, try: member('join', dave), expect: /not invited/ },
  { says: 'Dave was invited to a room whose join rule is a number', in: '1-12', room: { joinRule: { join_rule: 5 }, members: { [dave]: 'invite' } }, try: member('join', dave), expect: /nobody can join/ },
  { says: 'Bob joins in the name of Dave', in: '1-12', room: { joinRule: 'public' }, try: member('join', bob, dave), expect: /cannot join for/ },
  { says: 'Dave joins a public room', in: '1-12', room: { joinRule: 'public' }, try: member('join', dave), expect: 'allowed' },
  { says: 'Mallory is banned from a public room', in: '1-12', room: { joinRule: 'public', members: { [mallory]: 'ban' } }, try: member('join', mallory), expect: /is banned/ },
  { says: 'Nobody joins a private room', in: '1-12', room: { joinRule: 'private', members: { [dave]: 'invite' } }, try: member('join', dave), expect: /nobody can join/ },
  { says: 'Dave was invited to a room that lets people knock', in: '7-12', room: { joinRule: 'knock', members: { [dave]: 'invite' } }, try: member('join', dave), expect: 'allowed' },
  { says: 'Dave has knocked, and does not wait for an answer', in: '7-12', room: { joinRule: 'knock', members: { [dave]: 'knock' } }, try: member('join', dave), expect: /not invited/ },
  { says: 'The join rule knock means nothing yet', in: '1-6', room: { joinRule: 'knock', members: { [dave]: 'invite' } }, try: member('join', dave), expect: /nobody can join/ },
  { says: 'Somebody from a closed server joins', in: '1-12', room: { create: { 'm.federate': false }, members: { [erin]: 'invite' } }, try: member('join', erin), expect: 'allowed' },
  { says: 'Dave is invited to a room that is not federated', in: '1-12', room: { create: { 'm.federate': false }, members: { [dave]: 'invite' } }, try: member('join', dave), expect: /users of a\.example only/ },
  { says: 'Only false closes a room', in: '1-12', room: { create: { 'm.federate': 'false' }, members: { [dave]: 'invite' } }, try: member('join', dave), expect: 'allowed' },
]);

// Joining restricted rooms
const signed = { isSignedBy: (_: unknown, server: string) => server === 'b.example' };
const viaBob = member('join', dave, dave, { join_authorised_via_users_server: bob });
// prettier-ignore
tell([
  { says: 'Bob lets Dave in', in: '8-12', room: { joinRule: 'restricted' }, try: viaBob, facts: signed, expect: 'allowed' },
  { says: 'Bob lets Dave in', in: '10-12', room: { joinRule: 'knock_restricted' }, try: viaBob, facts: signed, expect: 'allowed' },
  { says: 'knock_restricted means nothing yet', in: '1-9', room: { joinRule: 'knock_restricted' }, try: viaBob, facts: signed, expect: /nobody can join/ },
  { says: 'restricted means nothing yet', in: '1-7', room: { joinRule: 'restricted', members: { [dave]: 'invite' } }, try: viaBob, facts: signed, expect: /nobody can join/ },
  { says: 'Bob is said to let Dave in, but his server has not signed', in: '8-12', room: { joinRule: 'restricted' }, try: viaBob, facts: { isSignedBy: () => false }, expect: /has not signed/ },
  { says: 'Nobody has looked at the signature', in: '8-12', room: { joinRule: 'restricted' }, try: viaBob, expect: /has not signed/ },
  { says: 'The signature is asked for under any join rule', in: '8-12', room: { joinRule: 'public' }, try: viaBob, expect: /has not signed/ },
  { says: 'The signature is asked for with any membership', in: '8-12', try: member('leave', bob, bob, { join_authorised_via_users_server: carol }), expect: /has not signed/ },
  { says: 'The signature is not asked for yet', in: '1-7', room: { joinRule: 'public' }, try: viaBob, expect: 'allowed' },
  { says: 'Who lets Dave in is not a user', in: '8-12', room: { joinRule: 'restricted' }, try: member('join', dave, dave, { join_authorised_via_users_server: 'b.example' }), facts: signed, expect: /not a user id/ },
  { says: 'Dave joins with nobody to let him in', in: '8-12', room: { joinRule: 'restricted' }, try: member('join', dave), expect: /neither invited nor authorised/ },
  { says: 'Dave was invited and needs nobody to let him in', in: '8-12', room: { joinRule: 'restricted', members: { [dave]: 'invite' } }, try: member('join', dave), expect: 'allowed' },
  { says: 'Carol is in the room and changes her name', in: '8-12', room: { joinRule: 'restricted' }, try: member('join', carol), expect: 'allowed' },
  { says: 'Bob may not invite, so he may not let Dave in', in: '8-12', room: { joinRule: 'restricted', levels: { invite: 60, users: { [bob]: 50 } } }, try: viaBob, facts: signed, expect: /may not invite/ },
  { says: 'Bob has left, so he cannot let Dave in', in: '8-12', room: { joinRule: 'restricted', members: { [bob]: 'leave' } }, try: viaBob, facts: signed, expect: /not in the room/ },
  { says: 'Mallory is banned, whoever lets her in', in: '8-12', room: { joinRule: 'restricted', members: { [mallory]: 'ban' } }, try: member('join', mallory, mallory, { join_authorised_via_users_server: bob }), facts: signed, expect: /is banned/ },
]);

// Inviting
// prettier-ignore
tell([
  { says: 'Carol invites Dave', in: '1-12', try: member('invite', carol, dave), expect: 'allowed' },
  { says: 'Carol invites Dave again', in: '1-12', room: { members: { [dave]: 'invite' } }, try: member('invite', carol, dave), expect: 'allowed' },
  { says: 'Carol answers a knock', in: '7-12', room: { joinRule: 'knock', members: { [dave]: 'knock' } }, try: member('invite', carol, dave), expect: 'allowed' },
  { says: 'Mallory invites herself', in: '1-12', try: member('invite', mallory), expect: /not in the room/ },
  { says: 'An invited guest invites others', in: '1-12', room: { members: { [dave]: 'invite' } }, try: member('invite', dave, mallory), expect: /not in the room/ },
  { says: 'Carol invites Bob, who is there', in: '1-12', try: member('invite', carol, bob), expect: /in the room already/ },
  { says: 'Carol invites Mallory, who is banned', in: '1-12', room: { members: { [mallory]: 'ban' } }, try: member('invite', carol, mallory), expect: /is banned/ },
  { says: 'Carol invites where moderators only may', in: '1-12', room: { levels: { invite: 50, users: { [bob]: 50 } } }, try: member('invite', carol, dave), expect: /needs power level 50.*has 0/ },
  { says: 'Bob invites where moderators may', in: '1-12', room: { levels: { invite: 50, users: { [bob]: 50 } } }, try: member('invite', bob, dave), expect: 'allowed' },
  { says: 'Alice invites where nobody has a level that high', in: '12', room: { levels: { invite: 1000 } }, try: member('invite', alice, dave), expect: 'allowed' },
]);

// Inviting by email
const signature = { mxid: dave, token: 'token', signatures: { 'id.example': { 'ed25519:0': 'sig' } } };
const byEmail = (third: JsonObject | string, sender = carol): Attempt =>
  member('invite', sender, dave, { third_party_invite: third });
const invitation = {
  thirdPartyInvite: {
    token: 'token',
    sender: carol,
    content: { public_key: 'one', public_keys: [{ public_key: 'two' }, 'odd'] },
  },
};
const keyIs = (key: string) => ({ verifyThirdPartySigned: (_: unknown, keys: readonly string[]) => keys.includes(key) });
// prettier-ignore
tell([
  { says: 'Dave takes up an invitation by email', in: '1-12', room: invitation, try: byEmail({ signed: signature }), facts: keyIs('one'), expect: 'allowed' },
  { says: 'A key of the list has signed', in: '1-12', room: invitation, try: byEmail({ signed: signature }), facts: keyIs('two'), expect: 'allowed' },
  { says: 'A key that the room does not know has signed', in: '1-12', room: invitation, try: byEmail({ signed: signature }), facts: keyIs('three'), expect: /no key/ },
  { says: 'Nobody has looked at the signature', in: '1-12', room: invitation, try: byEmail({ signed: signature }), expect: /no key/ },
  { says: 'Carol has left since; her invitation holds', in: '1-12', room: { ...invitation, members: { [carol]: 'leave' } }, try: byEmail({ signed: signature }), facts: keyIs('one'), expect: 'allowed' },
  { says: 'Dave is banned', in: '1-12', room: { ...invitation, members: { [dave]: 'ban' } }, try: byEmail({ signed: signature }), facts: keyIs('one'), expect: /is banned/ },
  { says: 'Nothing is signed', in: '1-12', room: invitation, try: byEmail({}), facts: keyIs('one'), expect: /no signed/ },
  { says: 'The invitation by email is a string', in: '1-12', room: invitation, try: byEmail('token'), facts: keyIs('one'), expect: /no signed/ },
  { says: 'The token is missing', in: '1-12', room: invitation, try: byEmail({ signed: { mxid: dave } }), facts: keyIs('one'), expect: /lacks mxid or token/ },
  { says: 'The user is missing', in: '1-12', room: invitation, try: byEmail({ signed: { token: 'token' } }), facts: keyIs('one'), expect: /lacks mxid or token/ },
  { says: 'Mallory shows what was signed for Dave', in: '1-12', room: invitation, try: member('invite', carol, mallory, { third_party_invite: { signed: signature } }), facts: keyIs('one'), expect: /is for @dave/ },
  { says: 'The invitation was taken back', in: '1-12', try: byEmail({ signed: signature }), facts: keyIs('one'), expect: /no third-party invitation/ },
  { says: 'Bob passes on an invitation of Carol’s', in: '1-12', room: invitation, try: byEmail({ signed: signature }, bob), facts: keyIs('one'), expect: /@carol:c\.example's/ },
]);

// Leaving, kicking, unbanning
// prettier-ignore
tell([
  { says: 'Carol leaves', in: '1-12', try: member('leave', carol), expect: 'allowed' },
  { says: 'Dave turns an invitation down', in: '1-12', room: { members: { [dave]: 'invite' } }, try: member('leave', dave), expect: 'allowed' },
  { says: 'Dave takes his knock back', in: '7-12', room: { members: { [dave]: 'knock' } }, try: member('leave', dave), expect: 'allowed' },
  { says: 'A knock is no membership yet', in: '1-6', room: { members: { [dave]: 'knock' } }, try: member('leave', dave), expect: /not in the room/ },
  { says: 'Dave leaves a room he never was in', in: '1-12', try: member('leave', dave), expect: /not in the room/ },
  { says: 'Mallory lifts her own ban', in: '1-12', room: { members: { [mallory]: 'ban' } }, try: member('leave', mallory), expect: /not in the room/ },
  { says: 'Bob kicks Carol', in: '1-12', try: member('leave', bob, carol), expect: 'allowed' },
  { says: 'Carol kicks Dave', in: '1-12', room: { members: { [dave]: 'join' } }, try: member('leave', carol, dave), expect: /needs power level 50/ },
  { says: 'Bob kicks another moderator', in: '1-12', room: { levels: { users: { [bob]: 50, [carol]: 50 } } }, try: member('leave', bob, carol), expect: /does not stand below/ },
  { says: 'Mallory kicks from outside', in: '1-12', room: { levels: { users: { [mallory]: 90 } } }, try: member('leave', mallory, carol), expect: /not in the room/ },
  { says: 'Bob takes an invitation back', in: '1-12', room: { members: { [dave]: 'invite' } }, try: member('leave', bob, dave), expect: 'allowed' },
  { says: 'Bob lifts a ban', in: '1-12', room: { members: { [mallory]: 'ban' } }, try: member('leave', bob, mallory), expect: 'allowed' },
  { says: 'Bob may kick but not ban, so he may not lift one', in: '1-12', room: { members: { [mallory]: 'ban' }, levels: { ban: 60, users: { [bob]: 50 } } }, try: member('leave', bob, mallory), expect: /unbanning needs power level 60/ },
  { says: 'Bob may ban but not kick, so he may not lift one', in: '1-12', room: { members: { [mallory]: 'ban' }, levels: { kick: 60, users: { [bob]: 50 } } }, try: member('leave', bob, mallory), expect: /kicking needs power level 60/ },
  { says: 'Bob kicks Alice, who stands at the default', in: '1-11', room: { levels: { users: { [bob]: 50 } } }, try: member('leave', bob, alice), expect: 'allowed' },
  { says: 'Bob kicks Alice, who created the room', in: '12', room: { levels: { users: { [bob]: 50 } } }, try: member('leave', bob, alice), expect: /does not stand below/ },
  { says: 'Alice kicks Bob, however high his level', in: '12', room: { levels: { users: { [bob]: 9007199254740991 } } }, try: member('leave', alice, bob), expect: 'allowed' },
  { says: 'One creator kicks another', in: '12', room: { create: { additional_creators: [bob] }, levels: {} }, try: member('leave', alice, bob), expect: /does not stand below/ },
  { says: 'Alice kicks before there are power levels', in: '1-12', room: { levels: null }, try: member('leave', alice, carol), expect: 'allowed' },
  { says: 'Bob kicks before there are power levels', in: '1-12', room: { levels: null }, try: member('leave', bob, carol), expect: /needs power level 50.*has 0/ },
]);

// Banning
// prettier-ignore
tell([
  { says: 'Bob bans Carol', in: '1-12', try: member('ban', bob, carol), expect: 'allowed' },
  { says: 'Bob bans Mallory, who was never there', in: '1-12', try: member('ban', bob, mallory), expect: 'allowed' },
  { says: 'Carol bans Dave', in: '1-12', try: member('ban', carol, dave), expect: /needs power level 50/ },
  { says: 'Bob bans Alice', in: '1-12', try: member('ban', bob, alice), expect: /does not stand below/ },
  { says: 'Bob bans himself', in: '1-12', try: member('ban', bob), expect: /does not stand below/ },
  { says: 'Mallory bans from outside', in: '1-12', room: { levels: { users: { [mallory]: 90 } } }, try: member('ban', mallory, carol), expect: /not in the room/ },
  { says: 'The ban level is lowered to everybody', in: '1-12', room: { levels: { ban: 0, users: { [carol]: 1 } } }, try: member('ban', carol, dave), expect: 'allowed' },
  { says: 'Equals cannot ban each other', in: '1-12', room: { levels: { ban: 0 } }, try: member('ban', carol, dave), expect: /does not stand below/ },
]);

// Knocking
// prettier-ignore
tell([
  { says: 'Dave knocks', in: '7-12', room: { joinRule: 'knock' }, try: member('knock', dave), expect: 'allowed' },
  { says: 'Dave knocks where knocking or a member lets people in', in: '10-12', room: { joinRule: 'knock_restricted' }, try: member('knock', dave), expect: 'allowed' },
  { says: 'knock_restricted means nothing yet', in: '7-9', room: { joinRule: 'knock_restricted' }, try: member('knock', dave), expect: /nobody can knock/ },
  { says: 'Nobody knocks yet', in: '1-6', room: { joinRule: 'knock' }, try: member('knock', dave), expect: /not known/ },
  { says: 'Dave knocks again', in: '7-12', room: { joinRule: 'knock', members: { [dave]: 'knock' } }, try: member('knock', dave), expect: 'allowed' },
  { says: 'Dave knocks at a room for the invited', in: '7-12', try: member('knock', dave), expect: /nobody can knock/ },
  { says: 'Dave knocks at a public room', in: '7-12', room: { joinRule: 'public' }, try: member('knock', dave), expect: /nobody can knock/ },
  { says: 'Bob knocks for Dave', in: '7-12', room: { joinRule: 'knock' }, try: member('knock', bob, dave), expect: /cannot knock for/ },
  { says: 'Carol, who is in, knocks', in: '7-12', room: { joinRule: 'knock' }, try: member('knock', carol), expect: /membership join/ },
  { says: 'Dave, who is invited, knocks', in: '7-12', room: { joinRule: 'knock', members: { [dave]: 'invite' } }, try: member('knock', dave), expect: /membership invite/ },
  { says: 'Mallory, who is banned, knocks', in: '7-12', room: { joinRule: 'knock', members: { [mallory]: 'ban' } }, try: member('knock', mallory), expect: /membership ban/ },
]);
