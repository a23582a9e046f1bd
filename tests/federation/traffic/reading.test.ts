import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Person } from '@myelin/testing';
import { forEachFederation } from '@myelin/testing/federation';

const hive = 'hive.example';
const nest = 'nest.example';

const config = { allow_public_rooms_over_federation: true, room_list_publication_rules: [{ action: 'allow' }] };

forEachFederation(
  'what servers read of each other',
  [hive, nest],
  (servers) => {
    const people = async (): Promise<{ alice: Person; bob: Person }> => {
      return { alice: await servers().named(hive).person('alice'), bob: await servers().named(nest).person('bob') };
    };
    const at = (room: string): string => `/rooms/${encodeURIComponent(room)}`;
    const bodiesOf = (events: any[]): string[] =>
      events.flatMap(({ type, content }) => (type === 'm.room.message' ? [content.body ?? '(hidden)'] : []));

    /** Everything that somebody finds by paging back from now. */
    const pagesBack = async (person: Person, room: string, limit = 30): Promise<any[]> => {
      const found: any[] = [];
      let from: string | undefined;
      for (let page = 0; page < 20; page++) {
        const answer = await person.get(`${at(room)}/messages`, { dir: 'b', limit, ...(from !== undefined && { from }) });
        found.push(...answer.chunk);
        if (answer.end === undefined) return found;
        from = answer.end;
      }
      throw new Error('the past has no end');
    };

    for (const version of ['1', '6', '10', '11', '12']) {
      test(`Bob pages back to the beginning of a room that he came late to (version ${version})`, async () => {
        const { alice, bob } = await people();
        const room = await alice.createsRoom({ preset: 'public_chat', room_version: version });
        const said: string[] = [];
        for (let index = 0; index < 130; index++) {
          said.push(`message ${index}`);
          await alice.says(`message ${index}`, room);
        }
        await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
        const past = await pagesBack(bob, room);
        assert.deepEqual(bodiesOf(past), said.toReversed());
        assert.equal(past.at(-1).type, 'm.room.create');
        assert.equal(new Set(past.map(({ event_id: id }) => id)).size, past.length);
      });
    }

    test('what was not meant for newcomers stays hidden from Bob on his own server too', async () => {
      const { alice, bob } = await people();
      const room = await alice.createsRoom({ preset: 'public_chat' });
      await alice.setsState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
      await alice.says('among us', room);
      await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
      await alice.says('welcome', room);
      await bob.syncsUntil((answer) => bodiesOf(answer.rooms?.join?.[room]?.timeline.events ?? []).includes('welcome'));
      assert.deepEqual(bodiesOf(await pagesBack(bob, room)), ['welcome']);
    });

    test('Bob jumps to a moment from before he came', async () => {
      const { alice, bob } = await people();
      const room = await alice.createsRoom({ preset: 'public_chat' });
      const first = await alice.says('long ago', room);
      const { origin_server_ts: ts } = await alice.get(`${at(room)}/event/${encodeURIComponent(first)}`);
      for (let index = 0; index < 30; index++) await alice.says(`since then ${index}`, room);
      await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
      const found = await bob.get(`/_matrix/client/v1${at(room)}/timestamp_to_event`, { ts, dir: 'f' });
      assert.equal(found.origin_server_ts, ts);
      const context = await bob.get(`${at(room)}/context/${encodeURIComponent(found.event_id)}`, { limit: 4 });
      assert.equal(context.event.event_id, found.event_id);
    });

    test("Bob finds rooms in the directory of Alice's server, and sees who she is", async () => {
      const { alice, bob } = await people();
      const name = `Honey of ${alice.localpart}`;
      const room = await alice.createsRoom({
        preset: 'public_chat',
        visibility: 'public',
        name,
        room_alias_name: `honey-${alice.localpart}`,
      });
      const list = await bob.get('/publicRooms', { server: hive });
      assert.ok(list.chunk.some(({ room_id: id }: { room_id: string }) => id === room));
      const searched = await bob.ask('POST', '/publicRooms', {
        query: { server: hive },
        body: { filter: { generic_search_term: name } },
      });
      assert.deepEqual(
        searched.chunk.map(({ room_id: id }: { room_id: string }) => id),
        [room],
      );
      const alias = `/directory/room/${encodeURIComponent(`#honey-${alice.localpart}:${hive}`)}`;
      assert.deepEqual(await bob.get(alias), { room_id: room, servers: [hive] });
      const summary = await bob.get(`/_matrix/client/v1/room_summary/${encodeURIComponent(room)}`, { via: [hive] });
      assert.equal(summary.name, name);
      const profile = `/profile/${encodeURIComponent(alice.userId)}`;
      await alice.put(`${profile}/displayname`, { displayname: 'Alice of the Hive' });
      assert.equal((await bob.get(profile)).displayname, 'Alice of the Hive');
      await bob.isRefused('GET', `/profile/${encodeURIComponent(`@nobody:${hive}`)}`, { status: 404, errcode: 'M_NOT_FOUND' });
    });

    test("Bob looks through a space of Alice's that his server does not know", async () => {
      const { alice, bob } = await people();
      const space = await alice.createsRoom({ preset: 'public_chat', name: 'Comb', creation_content: { type: 'm.space' } });
      const [open, secret] = [
        await alice.createsRoom({ preset: 'public_chat', name: 'Cell' }),
        await alice.createsRoom({ preset: 'private_chat', name: 'Queen' }),
      ];
      const ofBob = await bob.createsRoom({ preset: 'public_chat', name: 'Visitors' });
      for (const [child, server] of [
        [open, hive],
        [secret, hive],
        [ofBob, nest],
      ] as const) {
        await alice.setsState(space, 'm.space.child', { via: [server] }, child);
      }
      const tree = `/_matrix/client/v1${at(space)}/hierarchy`;
      const { rooms } = await bob.get(tree, { via: [hive] });
      assert.deepEqual(
        rooms.map(({ name }: { name: string }) => name),
        ['Comb', 'Cell', 'Visitors'],
      );
      await bob.isRefused('GET', `/_matrix/client/v1${at(secret)}/hierarchy`, { status: 403, errcode: 'M_FORBIDDEN' });
    });
  },
  { config },
);
