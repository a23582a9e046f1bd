import type { JsonObject } from '../events/pdu.ts';
import { alice, bob, tell } from './testing/room-story.ts';
import type { Attempt } from './testing/room-story.ts';

const old = (content: JsonObject = { creator: alice }, more: Partial<Attempt> = {}): Attempt => {
  return { type: 'm.room.create', sender: alice, stateKey: '', after: [], content, ...more };
};
const new12 = (content: JsonObject = {}, more: Partial<Attempt> = {}): Attempt => {
  return old(content, { eventId: '$hash', roomId: '!hash', ...more });
};

// prettier-ignore
tell([
  { says: 'Alice creates a room', in: '1-10', try: old(), expect: 'allowed' },
  { says: 'Alice creates a room', in: '11', try: old({}), expect: 'allowed' },
  { says: 'Alice creates a room', in: '12', try: new12(), expect: 'allowed' },
  { says: 'A second create event comes later in the room', in: '1-11', try: old({ creator: alice }, { after: ['$1:a'] }), expect: /first event/ },
  { says: 'A second create event comes later in the room', in: '12', try: new12({}, { after: ['$1'] }), expect: /first event/ },
  { says: 'Alice creates a room under the name of another server', in: '1-11', try: old({ creator: alice }, { roomId: '!room:b.example' }), expect: /not of the server/ },
  { says: 'The domain of the room id counts its port', in: '1-11', try: old({ creator: alice }, { roomId: '!room:a.example:8448' }), expect: /not of the server/ },
  { says: 'A room id without a domain is a room of version 12 only', in: '1-11', try: old({ creator: alice }, { roomId: '!hash' }), expect: /not of the server/ },
  { says: 'A create event comes with a room id', in: '12', try: new12(), facts: { createCarriesRoomId: true }, expect: /has a room_id/ },
  { says: 'A create event is put into another room', in: '12', try: new12({}, { roomId: '!other' }), expect: /not the id of/ },
  { says: 'Where the room id has no meaning of its own, a fact about it is not asked for', in: '1-11', try: old(), facts: { createCarriesRoomId: true }, expect: 'allowed' },
  { says: 'A room without room_version is one of version 1', in: '1', try: old({ creator: alice }), expect: 'allowed' },
  { says: 'A room names its version', in: '1-11', try: old({ creator: alice, room_version: '6' }), expect: 'allowed' },
  { says: 'A room of a version that nobody knows', in: '1-11', try: old({ creator: alice, room_version: '1000' }), expect: /"1000" is not known/ },
  { says: 'A room of a version that nobody knows', in: '12', try: new12({ room_version: 'toString' }), expect: /"toString" is not known/ },
  { says: 'A room whose version is a number', in: '1-11', try: old({ creator: alice, room_version: 1 }), expect: /1 is not known/ },
  { says: 'A room whose version is null', in: '1-11', try: old({ creator: alice, room_version: null }), expect: /null is not known/ },
  { says: 'A room without a creator', in: '1-10', try: old({}), expect: /no creator/ },
  { says: 'Any creator will do, as the rule only asks for the property', in: '1-10', try: old({ creator: bob }), expect: 'allowed' },
  { says: 'Alice creates a room together with Bob', in: '12', try: new12({ additional_creators: [bob] }), expect: 'allowed' },
  { says: 'Alice creates a room together with nobody', in: '12', try: new12({ additional_creators: [] }), expect: 'allowed' },
  { says: 'Additional creators are one string', in: '12', try: new12({ additional_creators: bob }), expect: /not an array/ },
  { says: 'Additional creators are null', in: '12', try: new12({ additional_creators: null }), expect: /not an array/ },
  { says: 'An additional creator is a number', in: '12', try: new12({ additional_creators: [bob, 7] }), expect: /7, which is not a user id/ },
  { says: 'An additional creator is a server', in: '12', try: new12({ additional_creators: ['b.example'] }), expect: /not a user id/ },
  { says: 'An additional creator has no server', in: '12', try: new12({ additional_creators: ['@bob'] }), expect: /not a user id/ },
  { says: 'An additional creator has a historical localpart', in: '12', try: new12({ additional_creators: ['@Bob B.:b.example'] }), expect: 'allowed' },
  { says: 'An additional creator is too long for a user id', in: '12', try: new12({ additional_creators: [`@${'b'.repeat(250)}:b.example`] }), expect: /not a user id/ },
  { says: 'Additional creators have no meaning yet', in: '1-11', try: old({ creator: alice, additional_creators: 'everybody' }), expect: 'allowed' },
]);
