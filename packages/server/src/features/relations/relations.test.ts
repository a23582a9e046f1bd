import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

const inRoom = (room: string, rest: string): string => `/rooms/${encodeURIComponent(room)}${rest}`;
const v1 = '/_matrix/client/v1';

function relates(relType: string, eventId: string, more: object = {}): object {
  return { 'm.relates_to': { rel_type: relType, event_id: eventId, ...more } };
}

function edit(eventId: string, body: string): object {
  return { msgtype: 'm.text', body: `* ${body}`, 'm.new_content': { msgtype: 'm.text', body }, ...relates('m.replace', eventId) };
}

function reply(root: string, body: string): object {
  return { msgtype: 'm.text', body, ...relates('m.thread', root) };
}

async function relationsOf(person: Person, room: string, eventId: string): Promise<any> {
  const event = await person.get(inRoom(room, `/event/${encodeURIComponent(eventId)}`));
  return event.unsigned?.['m.relations'];
}

async function children(person: Person, room: string, eventId: string, rest = '', query: Record<string, any> = {}): Promise<any> {
  return person.get(`${v1}${inRoom(room, `/relations/${encodeURIComponent(eventId)}${rest}`)}`, query);
}

const ids = (chunk: readonly { event_id: string }[]): string[] => chunk.map((event) => event.event_id);

forEachHomeserver('relations', ({ test }) => {
  test('Bob finds the latest of Alice’s edits beside her message, which itself stays as it was', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const message = await alice.says('I like cake', room);
    assert.equal(await relationsOf(bob, room, message), undefined);
    const first = await alice.sends(room, 'm.room.message', edit(message, 'I like chocolate cake'));
    const second = await alice.sends(room, 'm.room.message', edit(message, 'I like apple pie'));

    // Neither somebody else's edit nor one without new content nor one of another type counts.
    await bob.sends(room, 'm.room.message', edit(message, 'I like mud'));
    await alice.sends(room, 'm.room.message', { msgtype: 'm.text', body: 'no', ...relates('m.replace', message) });
    await alice.sends(room, 'org.example.other', edit(message, 'other'));
    const event = await bob.get(inRoom(room, `/event/${encodeURIComponent(message)}`));
    assert.equal(event.content.body, 'I like cake');
    assert.equal(event.unsigned['m.relations']['m.replace'].event_id, second);
    assert.equal(event.unsigned['m.relations']['m.replace'].content['m.new_content'].body, 'I like apple pie');

    // An edit cannot be edited.
    await alice.sends(room, 'm.room.message', edit(second, 'I like soup'));
    assert.equal(await relationsOf(bob, room, second), undefined);

    // Without the last edit the one before it counts, and without the message none does.
    await alice.put(inRoom(room, `/redact/${encodeURIComponent(second)}/r1`));
    assert.equal((await relationsOf(bob, room, message))['m.replace'].event_id, first);
    await alice.put(inRoom(room, `/redact/${encodeURIComponent(message)}/r2`));
    assert.equal((await relationsOf(bob, room, message))?.['m.replace'], undefined);
  });
});
