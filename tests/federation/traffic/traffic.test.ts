import assert from 'node:assert/strict';
import { test } from 'node:test';

import { longTimelines, type Person } from '@myelin/testing';
import { forEachFederation } from '@myelin/testing/federation';

const hive = 'hive.example';
const nest = 'nest.example';

/** What one of the ephemeral events of a room says, once it says something that fits. */
function ephemeral(person: Person, room: string, type: string, fits: (content: any) => boolean): Promise<any> {
  return person.syncsUntil((answer) =>
    answer.rooms?.join?.[room]?.ephemeral?.events.find((event: any) => event.type === type && fits(event.content)),
  );
}

async function hears(person: Person, room: string, eventId: string): Promise<void> {
  await person.syncsUntil((answer) =>
    answer.rooms?.join?.[room]?.timeline?.events.find(({ event_id: id }: any) => id === eventId),
  );
}

forEachFederation('what servers tell each other', [hive, nest], (servers) => {
  const friends = async (): Promise<{ alice: Person; bob: Person; room: string }> => {
    const [alice, bob] = await Promise.all([servers().named(hive).person('alice'), servers().named(nest).person('bob')]);
    const room = await alice.createsRoom({ preset: 'private_chat' });
    await alice.invites(bob, room);
    await bob.joins(room);
    await alice.syncsUntil((answer) =>
      answer.rooms?.join?.[room]?.timeline?.events.find(({ state_key: key }: any) => key === bob.userId),
    );
    return { alice, bob, room };
  };

  test('Bob sees that Alice types, has read his message, and is there', async () => {
    const { alice, bob, room } = await friends();
    const message = await bob.says('are you there?', room);
    await hears(alice, room, message);
    await alice.put(`/rooms/${encodeURIComponent(room)}/typing/${alice.userId}`, { typing: true });
    await ephemeral(bob, room, 'm.typing', ({ user_ids: users }) => users.includes(alice.userId));
    await alice.put(`/rooms/${encodeURIComponent(room)}/typing/${alice.userId}`, { typing: false });
    await ephemeral(bob, room, 'm.typing', ({ user_ids: users }) => users.length === 0);
    await alice.post(`/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(message)}`, { thread_id: 'main' });
    const receipt = await ephemeral(bob, room, 'm.receipt', (content) => content[message]?.['m.read']?.[alice.userId]);
    assert.equal(receipt.content[message]['m.read'][alice.userId].thread_id, 'main');
    await alice.put(`/presence/${alice.userId}/status`, { presence: 'online', status_msg: 'making tea' });
    const presence = await bob.syncsUntil((answer) =>
      answer.presence?.events.find(({ sender, content }: any) => sender === alice.userId && content.status_msg === 'making tea'),
    );
    assert.equal(presence.content.presence, 'online');
  });

  test('a server that was cut off gets all it missed as soon as it is heard of', async () => {
    const { alice, bob, room } = await friends();
    await hears(bob, room, await alice.says('before', room));
    await servers().cutOff(nest);
    const missed: string[] = [];
    for (let index = 0; index < 15; index++) missed.push(await alice.says(`missed ${index}`, room));
    const renaming = await alice.put(`/rooms/${encodeURIComponent(room)}/state/m.room.name/`, { name: 'While you were away' });
    missed.push(renaming.event_id);
    await servers().reconnect(nest);
    await hears(alice, room, await bob.says('did I miss something?', room));
    const seen = new Set<string>();
    await bob.syncsUntil((answer) => {
      const { timeline, state } = answer.rooms?.join?.[room] ?? {};
      for (const { event_id: id } of [...(timeline?.events ?? []), ...(state?.events ?? [])]) seen.add(id);
      return missed.every((id) => seen.has(id)) || undefined;
    }, longTimelines);
    const name = await bob.get(`/rooms/${encodeURIComponent(room)}/state/m.room.name/`);
    assert.deepEqual(name, { name: 'While you were away' });
  });

  test('a server that ends and comes back in the middle of a conversation loses nothing', async () => {
    const { alice, bob, room } = await friends();
    const said: string[] = [];
    for (let index = 0; index < 10; index++) {
      said.push(await alice.says(`m${index}`, room));
      if (index === 4) await servers().named(hive).restart();
    }
    const seen = new Set<string>();
    await bob.syncsUntil((answer) => {
      for (const { event_id: id } of answer.rooms?.join?.[room]?.timeline?.events ?? []) seen.add(id);
      return said.every((id) => seen.has(id)) || undefined;
    }, longTimelines);
    await hears(alice, room, await bob.says('all there', room));
  });
});
