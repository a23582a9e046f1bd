import assert from 'node:assert/strict';

import type { UserId } from '@myelin/protocol/identifiers';
import { forEachHomeserver, Person, type TestHomeserver } from '@myelin/testing/homeserver';

import { createTestClock } from '../../platform/clock.ts';

const inRoom = (room: string, rest: string): string => `/rooms/${encodeURIComponent(room)}${rest}`;
const event = (room: string, eventId: string): string => inRoom(room, `/event/${encodeURIComponent(eventId)}`);
const bodies = (events: readonly any[]): string[] => events.map(({ content, type }) => content.body ?? type);
const ids = (events: readonly any[]): string[] => events.map(({ event_id }) => event_id);
const invalid = { status: 400, errcode: 'M_INVALID_PARAM' };

async function aGuest(homeserver: TestHomeserver): Promise<Person> {
  const { body } = await homeserver.request('POST', '/register', { query: { kind: 'guest' }, body: {} });
  return new Person({
    userId: body.user_id,
    deviceId: body.device_id,
    token: body.access_token,
    password: '',
    http: homeserver.http,
  });
}

forEachHomeserver(
  'room history',
  ({ test, testWith }) => {
    test('Bob reads back to the beginning, and forth again to the end', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      for (let day = 1; day <= 7; day++) await alice.says(`day ${day}`, room);
      const path = inRoom(room, '/messages');
      const back: any[] = [];
      let from: string | undefined;
      for (;;) {
        const page = await bob.get(path, { dir: 'b', limit: 3, ...(from && { from }) });
        if (from !== undefined) assert.equal(page.start, from);
        back.push(...page.chunk);
        if (page.end === undefined) break;
        from = page.end;
      }
      assert.deepEqual(
        bodies(back).slice(0, 7),
        [7, 6, 5, 4, 3, 2, 1].map((day) => `day ${day}`),
      );
      assert.equal(back.at(-1).type, 'm.room.create');
      assert.equal(new Set(ids(back)).size, back.length);

      const forth = await bob.get(path, { dir: 'f', limit: 100 });
      assert.deepEqual(ids(forth.chunk), ids(back).toReversed());
      assert.equal(forth.end, undefined);
      // From where a page began, the way forward leads to what came since.
      const newest = await bob.get(path, { dir: 'b', limit: 1 });
      await alice.says('day 8', room);
      assert.deepEqual(bodies((await bob.get(path, { dir: 'f', from: newest.start })).chunk), ['day 8']);
      // Between two places.
      const some = await bob.get(path, { dir: 'b', limit: 2, from: newest.end });
      const between = await bob.get(path, { dir: 'b', limit: 9, from: newest.end, to: some.end });
      assert.deepEqual(bodies(between.chunk), ['day 6', 'day 5']);
      assert.equal(between.end, undefined);
    });

    test('history goes on from where sync left a gap', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      const said: string[] = [];
      for (let line = 0; line < 6; line++) said.push(await alice.says(`line ${line}`, room));
      const filter = JSON.stringify({ room: { timeline: { limit: 2 } } });
      const { timeline } = (await bob.syncs({ filter })).rooms.join[room];
      assert.deepEqual(ids(timeline.events), said.slice(-2));
      const page = await bob.get(inRoom(room, '/messages'), { dir: 'b', from: timeline.prev_batch, limit: 4 });
      assert.deepEqual(ids(page.chunk), said.slice(0, 4).toReversed());
    });

    test('what is no token, no filter, no direction is refused, and strangers learn nothing of the room', async ({
      homeserver,
    }) => {
      const { alice, room } = await homeserver.twoFriendsInARoom();
      const stranger = await homeserver.person('nora');
      const path = inRoom(room, '/messages');
      for (const query of [{ from: 'x' }, { to: 't1' }, { dir: 'x' }, { limit: -1 }, { filter: '{' }]) {
        await alice.isRefused('GET', path, invalid, { query: { dir: 'b', ...query } });
      }
      const badFilter = { query: { dir: 'b', filter: '{"types":1}' } };
      await alice.isRefused('GET', path, { status: 400, errcode: 'M_BAD_JSON' }, badFilter);
      const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
      const here = await stranger.isRefused('GET', path, forbidden, { query: { dir: 'b' } });
      const nowhere = await stranger.isRefused('GET', inRoom('!nowhere', '/messages'), forbidden, { query: { dir: 'b' } });
      assert.deepEqual(here, nowhere);
    });

    test('a filter that matches one event in thousands is answered in bounded steps', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      const needle = await alice.sends(room, 'org.example.needle', {});
      const { rooms } = homeserver.server.needs;
      const identity = await rooms.ids.find(room);
      assert.ok(identity);
      const hay = { type: 'm.room.message', sender: alice.userId as UserId, content: { body: 'hay' } };
      await alice.setsState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
      const load = Array.from({ length: 500 }, () => hay);
      for (let loads = 0; loads < 5; loads++) await rooms.send(identity, load);
      const query = { dir: 'b', limit: 5, filter: JSON.stringify({ types: ['org.example.needle'] }) };
      const first = await bob.get(inRoom(room, '/messages'), query);
      assert.deepEqual(first.chunk, []);
      assert.ok(first.end);
      const second = await bob.get(inRoom(room, '/messages'), { ...query, from: first.end });
      assert.deepEqual(ids(second.chunk), [needle]);
      assert.equal(second.end, undefined);
      // Who came only then is led past what is hidden from them at once.
      const carol = await homeserver.person('carol');
      await carol.joins(room);
      const before = await carol.get(inRoom(room, '/messages'), { dir: 'b', limit: 50 });
      assert.equal(before.chunk[0].state_key, carol.userId);
      assert.equal(before.chunk.at(-1).type, 'm.room.create');
      assert.ok(ids(before.chunk).includes(needle));
      assert.ok(!bodies(before.chunk).includes('hay'));
      assert.equal(before.end, undefined);
      const none = await bob.get(inRoom(room, '/messages'), { dir: 'b', filter: JSON.stringify({ types: [] }) });
      assert.deepEqual([none.chunk, none.end], [[], undefined]);
    });

    test('members are loaded with the events whose senders they are', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      const carol = await homeserver.person('carol');
      await carol.joins(room);
      const middle = await alice.says('Hello', room);
      await bob.says('Hello yourself', room);
      const filter = JSON.stringify({ lazy_load_members: true });
      const page = await carol.get(inRoom(room, '/messages'), { dir: 'b', limit: 1, filter });
      assert.deepEqual(
        page.state.map((member: any) => member.state_key),
        [bob.userId],
      );
      const path = inRoom(room, `/context/${encodeURIComponent(middle)}`);
      const context = await carol.get(path, { limit: 0, filter });
      const members = context.state.filter(({ type }: any) => type === 'm.room.member');
      assert.deepEqual(
        members.map((member: any) => member.state_key),
        [alice.userId],
      );
      assert.ok(context.state.some(({ type }: any) => type === 'm.room.create'));
      const all = (await carol.get(path)).state.filter(({ type }: any) => type === 'm.room.member');
      assert.equal(all.length, 3);
    });

    test('an event stands between its neighbours, and both ends lead on', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      const said: string[] = [];
      for (let line = 0; line < 9; line++) said.push(await alice.says(`line ${line}`, room));
      await alice.setsState(room, 'm.room.topic', { topic: 'later' });
      const path = inRoom(room, `/context/${encodeURIComponent(said[4] as string)}`);
      const context = await bob.get(path, { limit: 4 });
      assert.deepEqual(bodies(context.events_before), ['line 3', 'line 2']);
      assert.equal(context.event.event_id, said[4]);
      assert.deepEqual(bodies(context.events_after), ['line 5', 'line 6']);
      // The state is that of the last event, before the topic was set.
      assert.ok(!context.state.some(({ type }: any) => type === 'm.room.topic'));
      const messages = inRoom(room, '/messages');
      assert.deepEqual(bodies((await bob.get(messages, { dir: 'b', from: context.start, limit: 2 })).chunk), [
        'line 1',
        'line 0',
      ]);
      assert.deepEqual(bodies((await bob.get(messages, { dir: 'f', from: context.end, limit: 2 })).chunk), ['line 7', 'line 8']);
      const filter = JSON.stringify({ types: ['m.room.topic', 'm.room.create'] });
      const filtered = await bob.get(path, { limit: 40, filter });
      assert.deepEqual(bodies(filtered.events_after), ['m.room.topic']);
      assert.deepEqual(bodies(filtered.events_before), ['m.room.create']);
      assert.equal(filtered.event.event_id, said[4]);
    });

    test('an event tells what it replaced, who redacted it, and what its reader was then', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      const old = await alice.setsState(room, 'm.room.topic', { topic: 'old' });
      const topic = await alice.setsState(room, 'm.room.topic', { topic: 'new' });
      const carol = await homeserver.person('carol');
      await carol.joins(room);
      const { unsigned } = await carol.get(event(room, topic));
      assert.deepEqual(unsigned.prev_content, { topic: 'old' });
      assert.equal(unsigned.replaces_state, old);
      assert.equal(unsigned.membership, 'leave');
      assert.ok(unsigned.age >= 0);
      const message = await bob.says('oh dear', room);
      const { event_id: redaction } = await bob.put(inRoom(room, `/redact/${encodeURIComponent(message)}/1`), { reason: 'rude' });
      const gone = await carol.get(event(room, message));
      assert.deepEqual(gone.content, {});
      assert.equal(gone.unsigned.redacted_because.event_id, redaction);
      assert.equal(gone.unsigned.redacted_because.content.reason, 'rude');
      assert.equal(gone.unsigned.membership, 'join');
      // Messages are found in their own room only.
      const elsewhere = await carol.createsRoom();
      await carol.isRefused('GET', event(elsewhere, message), { status: 404, errcode: 'M_NOT_FOUND' });
    });

    testWith('the event of a day is found', { clock: createTestClock(1_000_000) }, async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      const clock = homeserver.server.needs.clock as ReturnType<typeof createTestClock>;
      const days: string[] = [];
      for (let day = 0; day < 5; day++) {
        clock.advance(1_000);
        days.push(await alice.says(`day ${day}`, room));
      }
      const find = async (ts: number, dir: string): Promise<any> =>
        bob.get(`/_matrix/client/v1${inRoom(room, '/timestamp_to_event')}`, { ts, dir });
      const [first, second] = [await bob.get(event(room, days[0] as string)), await bob.get(event(room, days[1] as string))];
      const between = first.origin_server_ts + 500;
      assert.deepEqual(await find(between, 'f'), { event_id: days[1], origin_server_ts: second.origin_server_ts });
      assert.equal((await find(between, 'b')).event_id, days[0]);
      assert.equal((await find(second.origin_server_ts, 'f')).event_id, days[1]);
      assert.equal((await find(second.origin_server_ts, 'b')).event_id, days[1]);
      assert.equal((await find(2 ** 50, 'b')).event_id, days[4]);
      const path = `/_matrix/client/v1${inRoom(room, '/timestamp_to_event')}`;
      await bob.isRefused('GET', path, { status: 404, errcode: 'M_NOT_FOUND' }, { query: { ts: 2 ** 50, dir: 'f' } });
      await bob.isRefused('GET', path, { status: 404, errcode: 'M_NOT_FOUND' }, { query: { ts: 5, dir: 'b' } });
    });

    test('an old client takes everything at once and then waits for what comes', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      await alice.says('Welcome', room);
      const path = `/user/${encodeURIComponent(bob.userId)}`;
      await bob.put(`${path}/rooms/${encodeURIComponent(room)}/tags/m.favourite`, { order: 0.5 });
      await bob.put(`${path}/account_data/org.example.colour`, { colour: 'green' });
      const invitedTo = await alice.createsRoom({ invite: [bob.userId] });
      const start = await bob.get('/initialSync', { limit: 5 });
      const [joined, invited] = [room, invitedTo].map((id) => start.rooms.find(({ room_id }: any) => room_id === id));
      assert.deepEqual([joined.membership, invited.membership], ['join', 'invite']);
      assert.equal(joined.messages.chunk.at(-1).content.body, 'Welcome');
      assert.equal(joined.account_data.find(({ type }: any) => type === 'm.tag').content.tags['m.favourite'].order, 0.5);
      assert.ok(start.account_data.some(({ content }: any) => content.colour === 'green'));
      assert.equal(invited.invite.sender, alice.userId);

      const waiting = bob.get('/events', { from: start.end, timeout: 30_000 });
      const news = await alice.says('News', room);
      const woken = await waiting;
      assert.deepEqual(ids(woken.chunk), [news]);
      assert.equal(woken.chunk[0].room_id, room);
      const nothing = await bob.get('/events', { from: woken.end, timeout: 0 });
      assert.deepEqual(nothing.chunk, []);
      const another = await alice.createsRoom({ invite: [bob.userId] });
      const told = await bob.get('/events', { from: nothing.end, timeout: 30_000 });
      assert.deepEqual([told.chunk[0].room_id, told.chunk[0].content.membership], [another, 'invite']);
      assert.equal((await bob.get(`/events/${encodeURIComponent(news)}`)).content.body, 'News');
      await bob.isRefused('GET', '/events', invalid, { query: { from: 'yesterday' } });

      await bob.leaves(room);
      const without = (await bob.get('/initialSync')).rooms.map(({ room_id }: any) => room_id);
      assert.ok(!without.includes(room));
      const archived = (await bob.get('/initialSync', { archived: true })).rooms;
      assert.equal(archived.find(({ room_id }: any) => room_id === room).membership, 'leave');
    });

    test('a guest looks into an open room and follows it from outside', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const history = { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'world_readable' } };
      const room = await alice.createsRoom({ preset: 'public_chat', initial_state: [history] });
      await alice.says('Look', room);
      const guest = await aGuest(homeserver);
      const seen = await guest.get(inRoom(room, '/initialSync'));
      assert.equal(seen.membership, undefined);
      assert.equal(seen.messages.chunk.at(-1).content.body, 'Look');
      const waiting = guest.get('/events', { room_id: room, from: seen.messages.end, timeout: 30_000 });
      await alice.says('at this', room);
      assert.deepEqual(bodies((await waiting).chunk), ['at this']);
      const after = await alice.setsState(room, 'm.room.history_visibility', { history_visibility: 'shared' });
      // The door is shut now; what was said while it was open stays readable one by one, and so does its shutting.
      await guest.isRefused('GET', inRoom(room, '/messages'), { status: 403, errcode: 'M_FORBIDDEN' }, { query: { dir: 'b' } });
      await guest.get(event(room, after));
      const hidden = await alice.says('among us', room);
      await guest.isRefused('GET', event(room, hidden), { status: 404, errcode: 'M_NOT_FOUND' });
    });

    test('who left and was invited anew reads what they could read before', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      await alice.says('together', room);
      await bob.leaves(room);
      await alice.says('alone', room);
      await alice.invites(bob, room);
      const page = await bob.get(inRoom(room, '/messages'), { dir: 'b', limit: 50 });
      assert.ok(bodies(page.chunk).includes('together'));
      assert.ok(!bodies(page.chunk).includes('alone'));
      await bob.leaves(room);
      await bob.post(inRoom(room, '/forget'));
      await bob.isRefused('GET', inRoom(room, '/messages'), { status: 403, errcode: 'M_FORBIDDEN' }, { query: { dir: 'b' } });
      await bob.isRefused('GET', inRoom(room, '/state'), { status: 403, errcode: 'M_FORBIDDEN' });
    });
  },
  { config: { allow_guest_access: true } },
);
