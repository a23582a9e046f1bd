import assert from 'node:assert/strict';

import { forEachHomeserver, Person, type TestHomeserver } from '@myelin/testing/homeserver';

const visibilities = ['world_readable', 'shared', 'invited', 'joined'] as const;
type Visibility = (typeof visibilities)[number];

/** What is said in the room, in order; the replies are in the thread of the first message. */
const all = ['first', 'reply', 'second', 'later reply', 'third'] as const;
type Said = (typeof all)[number];

/** Who reads. Leo and Ban were members until after the first reply; Ivy was invited then; Lena joined before the third. */
const readers = ['member', 'late', 'left', 'banned', 'invited', 'stranger', 'guest'] as const;
type Reader = (typeof readers)[number];

const duringMembership: readonly Said[] = ['first', 'reply'];
const sinceInvite: readonly Said[] = ['second', 'later reply', 'third'];

/** Which of the messages each may see: the rules of the specification by hand. */
function mayRead(reader: Reader, visibility: Visibility): readonly Said[] {
  if (visibility === 'world_readable' || reader === 'member') return all;
  if (reader === 'late') return visibility === 'shared' ? all : ['third'];
  if (reader === 'left' || reader === 'banned') return duringMembership;
  return reader === 'invited' && visibility === 'invited' ? sinceInvite : [];
}

/** Lists of the room are for those who are or were in it, and for all where it is world-readable. */
function mayList(reader: Reader, visibility: Visibility): boolean {
  return visibility === 'world_readable' || !['invited', 'stranger', 'guest'].includes(reader);
}

interface Story {
  readonly room: string;
  readonly people: Readonly<Record<Reader, Person>>;
  readonly ids: Readonly<Record<Said, string>>;
}

async function guest(homeserver: TestHomeserver): Promise<Person> {
  const { status, body } = await homeserver.request('POST', '/register', { query: { kind: 'guest' }, body: {} });
  assert.equal(status, 200, JSON.stringify(body));
  const { user_id: userId, device_id: deviceId, access_token: token } = body;
  return new Person({ userId, deviceId, token, password: '', http: homeserver.http });
}

async function tell(homeserver: TestHomeserver, visibility: Visibility): Promise<Story> {
  const names = ['alice', 'mia', 'lena', 'leo', 'ban', 'ivy', 'nora'];
  const [alice, mia, lena, leo, ban, ivy, nora] = await Promise.all(names.map((name) => homeserver.person(name)));
  assert.ok(alice && mia && lena && leo && ban && ivy && nora);
  const room = await alice.createsRoom({
    preset: 'public_chat',
    name: 'The old name',
    initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } }],
  });
  for (const early of [mia, leo, ban]) await early.joins(room);
  const inThread = (root: string, body: string): object => ({
    msgtype: 'm.text',
    body,
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  });
  const first = await alice.says('first', room);
  const reply = await alice.sends(room, 'm.room.message', inThread(first, 'reply'));
  await leo.leaves(room);
  await alice.post(`/rooms/${encodeURIComponent(room)}/ban`, { user_id: ban.userId });
  await alice.invites(ivy, room);
  const second = await alice.says('second', room);
  const later = await alice.sends(room, 'm.room.message', inThread(first, 'later reply'));
  await alice.setsState(room, 'm.room.name', { name: 'The new name' });
  await lena.joins(room);
  const third = await alice.says('third', room);
  return {
    room,
    people: { member: mia, late: lena, left: leo, banned: ban, invited: ivy, stranger: nora, guest: await guest(homeserver) },
    ids: { first, reply, second, 'later reply': later, third },
  };
}

const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
const notFound = { status: 404, errcode: 'M_NOT_FOUND' };
const notForGuests = { status: 403, errcode: 'M_GUEST_ACCESS_FORBIDDEN' };

const saidIn = (events: readonly { content: { body?: string } }[]): string[] =>
  events.flatMap(({ content }) => content.body ?? []).sort();
const sorted = (said: readonly string[]): string[] => [...said].sort();
const nameIn = (state: readonly { type: string; content: { name?: string } }[]): string | undefined =>
  state.find(({ type }) => type === 'm.room.name')?.content.name;

forEachHomeserver(
  'who sees what',
  ({ test }) => {
    for (const visibility of visibilities) {
      test(`of a room whose history is ${visibility}, nobody sees more or less than they may`, async ({ homeserver }) => {
        const story = await tell(homeserver, visibility);
        const path = `/rooms/${encodeURIComponent(story.room)}`;
        const v1 = `/_matrix/client/v1${path}`;
        for (const reader of readers) {
          const person = story.people[reader];
          const seen = mayRead(reader, visibility);
          const lists = mayList(reader, visibility);
          const because = `${reader} in a ${visibility} room`;
          const isOld = reader === 'left' || reader === 'banned';
          const name = isOld && visibility !== 'world_readable' ? 'The old name' : 'The new name';

          // messages, in both directions and in small pages
          for (const dir of ['b', 'f']) {
            if (!lists) {
              await person.isRefused('GET', `${path}/messages`, forbidden, { query: { dir } });
              continue;
            }
            const read: any[] = [];
            for (let from: string | undefined; ;) {
              const page = await person.get(`${path}/messages`, { dir, limit: 4, ...(from && { from }) });
              read.push(...page.chunk);
              if (page.end === undefined) break;
              from = page.end;
            }
            assert.deepEqual(saidIn(read), sorted(seen), `messages for ${because}`);
            assert.equal(new Set(read.map((event) => event.event_id)).size, read.length, 'nothing is read twice');
          }

          // state
          if (lists) {
            assert.equal(nameIn(await person.get(`${path}/state`)), name, `state for ${because}`);
            assert.equal((await person.get(`${path}/state/m.room.name`)).name, name);
            assert.equal((await person.get(`${path}/state/m.room.name/`, { format: 'event' })).content.name, name);
          } else {
            await person.isRefused('GET', `${path}/state`, forbidden);
            await person.isRefused('GET', `${path}/state/m.room.name`, forbidden);
          }

          // initialSync and looking into the room
          if (lists) {
            const initial = await person.get(`${path}/initialSync`, { limit: 100 });
            assert.deepEqual(saidIn(initial.messages.chunk), sorted(seen), `initialSync for ${because}`);
            assert.equal(nameIn(initial.state), name);
            const events = await person.get('/events', { room_id: story.room, from: 's0', timeout: 0 });
            assert.deepEqual(saidIn(events.chunk), sorted(seen), `events for ${because}`);
          } else {
            await person.isRefused('GET', `${path}/initialSync`, forbidden);
            await person.isRefused('GET', '/events', forbidden, { query: { room_id: story.room, timeout: 0 } });
          }

          for (const said of all) {
            const eventId = encodeURIComponent(story.ids[said]);
            const paths = [`${path}/event/${eventId}`, `${path}/context/${eventId}`];
            if (reader !== 'guest') paths.push(`${v1}/relations/${eventId}`, `/events/${eventId}`);
            if (!seen.includes(said)) {
              for (const hidden of paths) await person.isRefused('GET', hidden, notFound);
              continue;
            }
            assert.equal((await person.get(`${path}/event/${eventId}`)).content.body, said, because);
            const context = await person.get(`${path}/context/${eventId}`, { limit: 100 });
            const around = [...context.events_before, context.event, ...context.events_after];
            assert.deepEqual(saidIn(around), sorted(seen), `context for ${because}`);
            const stateNow = lists ? name : undefined;
            assert.equal(nameIn(context.state), stateNow, `state of the context for ${because}`);
          }

          // relations, threads and times are not for guests at all
          if (reader === 'guest') {
            await person.isRefused('GET', `${v1}/threads`, notForGuests);
            await person.isRefused('GET', `${v1}/timestamp_to_event`, notForGuests, { query: { ts: 0, dir: 'f' } });
            continue;
          }
          const replies = seen.filter((said) => said.includes('reply'));
          if (seen.includes('first')) {
            const relations = await person.get(`${v1}/relations/${encodeURIComponent(story.ids.first)}`, { dir: 'f' });
            assert.deepEqual(saidIn(relations.chunk), sorted(replies), `relations for ${because}`);
          }
          if (lists) {
            const threads = await person.get(`${v1}/threads`);
            assert.deepEqual(saidIn(threads.chunk), seen.includes('first') ? ['first'] : [], `threads for ${because}`);
            const thread = threads.chunk[0]?.unsigned['m.relations']['m.thread'];
            assert.equal(thread?.count, seen.includes('first') ? replies.length : undefined);
            assert.equal(thread?.latest_event.content.body, seen.includes('first') ? replies.at(-1) : undefined);
            // Whatever a moment leads to must be theirs to see.
            for (const query of [
              { ts: 0, dir: 'f' },
              { ts: 2 ** 50, dir: 'b' },
            ]) {
              const { event_id: nearest } = await person.get(`${v1}/timestamp_to_event`, query);
              await person.get(`${path}/event/${encodeURIComponent(nearest)}`);
            }
          } else {
            await person.isRefused('GET', `${v1}/threads`, forbidden);
            await person.isRefused('GET', `${v1}/timestamp_to_event`, forbidden, { query: { ts: 0, dir: 'f' } });
          }
        }
      });
    }
  },
  { config: { allow_guest_access: true } },
);
