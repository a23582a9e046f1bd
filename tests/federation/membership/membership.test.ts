import assert from 'node:assert/strict';
import { test } from 'node:test';

import { expectSyncToConverge, type Person } from '@myelin/testing';
import { forEachFederation } from '@myelin/testing/federation';

const versions = ['1', '6', '10', '11', '12'];
const withKnocking = ['7', '10', '12'];
const withRestrictedJoins = ['8', '10', '12'];

const hive = 'hive.example';
const nest = 'nest.example';
const burrow = 'burrow.example';

forEachFederation('memberships over federation', [hive, nest, burrow], (servers) => {
  const people = async (): Promise<{ alice: Person; bob: Person; carol: Person }> => {
    const [alice, bob, carol] = await Promise.all([
      servers().named(hive).person('alice'),
      servers().named(nest).person('bob'),
      servers().named(burrow).person('carol'),
    ]);
    return { alice, bob, carol };
  };

  for (const version of versions) {
    test(`Bob joins Alice's room by its alias, they talk, he leaves and comes back (version ${version})`, async () => {
      const { alice, bob } = await people();
      const room = await alice.createsRoom({
        room_version: version,
        preset: 'public_chat',
        name: 'Hive',
        room_alias_name: `hive-${version}-${alice.localpart}`,
      });
      await bob.joins(`#hive-${version}-${alice.localpart}:${hive}`);
      await hears(alice, room, await bob.says('hello from the nest', room));
      await hears(bob, room, await alice.says('welcome', room));
      await theyAgree(room, alice, bob);

      await bob.leaves(room);
      await hearsMembership(alice, room, bob, 'leave');
      await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
      await hearsMembership(alice, room, bob, 'join');
      await hears(bob, room, await alice.says('back again', room));
      await theyAgree(room, alice, bob);
    });

    test(`Alice invites Bob, kicks, bans and unbans him (version ${version})`, async () => {
      const { alice, bob } = await people();
      const room = await alice.createsRoom({ room_version: version, preset: 'private_chat', name: 'Comb' });
      await alice.invites(bob, room);
      const shown = await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
      const nameOf = (events: any[]): unknown => events.find(({ type }) => type === 'm.room.name')?.content.name;
      assert.equal(nameOf(shown.invite_state.events), 'Comb');
      assert.ok(shown.invite_state.events.some(({ type }: any) => type === 'm.room.create'));
      await bob.joins(room);
      await hearsMembership(alice, room, bob, 'join');
      await theyAgree(room, alice, bob);

      const about = { user_id: bob.userId, reason: 'honey' };
      await alice.post(`/rooms/${room}/kick`, about);
      await bob.syncsUntil((answer) => answer.rooms?.leave?.[room]);
      await bob.isRefused('POST', `/join/${room}`, { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });

      await alice.invites(bob, room);
      await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
      await bob.joins(room);
      await hearsMembership(alice, room, bob, 'join');
      await alice.post(`/rooms/${room}/ban`, about);
      await bob.syncsUntil((answer) => answer.rooms?.leave?.[room]);
      await bob.isRefused('POST', `/join/${room}`, { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });

      await alice.post(`/rooms/${room}/unban`, { user_id: bob.userId });
      await alice.invites(bob, room);
      await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
      await bob.joins(room);
      await hears(alice, room, await bob.says('no hard feelings', room));
      await theyAgree(room, alice, bob);
    });
  }

  test('Bob turns an invite down, and Alice hears of it', async () => {
    const { alice, bob } = await people();
    const room = await alice.createsRoom({ preset: 'private_chat', invite: [bob.userId] });
    await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
    await bob.leaves(room);
    await hearsMembership(alice, room, bob, 'leave');
    await bob.syncsUntil((answer) => answer.rooms?.leave?.[room]);
    await expectSyncToConverge(bob);
  });

  test('Alice takes an invite back before Bob has seen it', async () => {
    const { alice, bob } = await people();
    const room = await alice.createsRoom({ preset: 'private_chat' });
    await alice.invites(bob, room);
    await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
    await alice.post(`/rooms/${room}/kick`, { user_id: bob.userId });
    await bob.syncsUntil((answer) => answer.rooms?.leave?.[room]);
    await expectSyncToConverge(bob);
  });

  for (const version of withKnocking) {
    test(`Bob knocks, Alice lets him in (version ${version})`, async () => {
      const { alice, bob } = await people();
      const room = await alice.createsRoom({
        room_version: version,
        name: 'Door',
        initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
      });
      await bob.post(`/knock/${encodeURIComponent(room)}?via=${hive}`, { reason: 'please' });
      const shown = await bob.syncsUntil((answer) => answer.rooms?.knock?.[room]);
      assert.ok(shown.knock_state.events.some(({ type, content }: any) => type === 'm.room.name' && content.name === 'Door'));
      const knock = await hearsMembership(alice, room, bob, 'knock');
      assert.equal(knock.content.reason, 'please');
      await alice.invites(bob, room);
      await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
      await bob.joins(room);
      await hearsMembership(alice, room, bob, 'join');
      await theyAgree(room, alice, bob);
    });
  }

  test('Bob takes his knock back', async () => {
    const { alice, bob } = await people();
    const room = await alice.createsRoom({
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    });
    await bob.post(`/knock/${encodeURIComponent(room)}?via=${hive}`);
    await hearsMembership(alice, room, bob, 'knock');
    await bob.leaves(room);
    await hearsMembership(alice, room, bob, 'leave');
  });

  for (const version of withRestrictedJoins) {
    test(`Bob joins a space's room because he is in the space (version ${version})`, async () => {
      const { alice, bob, carol } = await people();
      const space = await alice.createsRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } });
      const room = await alice.createsRoom({
        room_version: version,
        power_level_content_override: { invite: 50 },
        initial_state: [
          {
            type: 'm.room.join_rules',
            content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] },
          },
        ],
      });
      await carol.isRefused('POST', `/join/${room}?via=${hive}`, { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });
      await bob.post(`/join/${encodeURIComponent(space)}?via=${hive}`);
      await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
      const member = await hearsMembership(alice, room, bob, 'join');
      assert.equal(member.content.join_authorised_via_users_server, alice.userId);
      await theyAgree(room, alice, bob);

      // The nest is in the room now, and nobody of it may invite: the hive lets the next one in.
      const dora = await servers().named(nest).person('dora');
      await dora.joins(space);
      await hearsMembership(alice, space, dora, 'join');
      await dora.joins(room);
      await hearsMembership(alice, room, dora, 'join');
      await theyAgree(room, alice, bob, dora);
    });
  }

  test('two of one server enter a room at the same time', async () => {
    const { alice, bob } = await people();
    const dora = await servers().named(nest).person('dora');
    const room = await alice.createsRoom({ preset: 'public_chat' });
    const path = `/join/${encodeURIComponent(room)}?via=${hive}`;
    await Promise.all([bob.post(path), dora.post(path)]);
    // Both may come in one answer, in any order.
    const missing = new Set<string>([bob.userId, dora.userId]);
    await alice.syncsUntil((answer) => {
      for (const event of memberEvents(answer, room)) if (event.content.membership === 'join') missing.delete(event.state_key);
      return missing.size === 0;
    });
    await theyAgree(room, alice, bob, dora);
  });

  test('three servers agree on who is in the room', async () => {
    const { alice, bob, carol } = await people();
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
    await hearsMembership(alice, room, bob, 'join');
    await carol.post(`/join/${encodeURIComponent(room)}?via=${nest}`);
    await hearsMembership(alice, room, carol, 'join');
    await hearsMembership(bob, room, carol, 'join');
    await hears(carol, room, await alice.says('all here?', room));
    await theyAgree(room, alice, bob, carol);
  });

  test('a server that is gone is passed over for one that is there', async () => {
    const { alice, bob, carol } = await people();
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
    const path = `/join/${encodeURIComponent(room)}?via=nobody.example&via=${nest}`;
    await carol.post(path);
    await hearsMembership(bob, room, carol, 'join');
    await theyAgree(room, bob, carol);
  });

  test('who is out of reach cannot keep Bob from turning down an invite, nor let him in', async () => {
    const { alice, bob } = await people();
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await alice.invites(bob, room);
    await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
    await servers().cutOff(hive);
    try {
      await bob.isRefused('POST', `/join/${room}`, { status: 502, errcode: 'M_UNKNOWN' }, { body: {} });
      await bob.leaves(room);
      await bob.syncsUntil((answer) => answer.rooms?.leave?.[room]);
    } finally {
      await servers().reconnect(hive);
    }
  });

  test('what cannot be is refused as the specification says', async () => {
    const { alice, bob } = await people();
    const room = await alice.createsRoom({ preset: 'private_chat' });
    const join = `/join/${encodeURIComponent(room)}?via=${hive}`;
    await bob.isRefused('POST', join, { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });
    const elsewhere = `/join/${encodeURIComponent(`!nothing:${hive}`)}`;
    await bob.isRefused('POST', elsewhere, { status: 404, errcode: 'M_NOT_FOUND' }, { body: {} });
    await bob.isRefused('POST', '/join/!nowhere', { status: 404, errcode: 'M_NOT_FOUND' }, { body: {} });

    const invite = `/rooms/${encodeURIComponent(room)}/invite`;
    const nobody = { user_id: `@nobody:${nest}` };
    await alice.isRefused('POST', invite, { status: 404, errcode: 'M_NOT_FOUND' }, { body: nobody });
    const path = `/user/${bob.userId}/account_data/m.invite_permission_config`;
    await bob.put(path, { default_action: 'block' });
    await alice.isRefused('POST', invite, { status: 403, errcode: 'M_INVITE_BLOCKED' }, { body: { user_id: bob.userId } });
  });
});

/** Waits until somebody's sync brings an event. */
async function hears(person: Person, room: string, eventId: string): Promise<void> {
  await person.syncsUntil((answer) =>
    answer.rooms?.join?.[room]?.timeline.events.some((event: any) => event.event_id === eventId),
  );
}

/** Waits until somebody's sync brings another's membership. */
async function hearsMembership(person: Person, room: string, other: Person, membership: string): Promise<any> {
  return person.syncsUntil((answer) =>
    memberEvents(answer, room).find(({ state_key, content }) => state_key === other.userId && content.membership === membership),
  );
}

function memberEvents(answer: any, room: string): any[] {
  const joined = answer.rooms?.join?.[room];
  const events: any[] = [...(joined?.state.events ?? []), ...(joined?.timeline.events ?? [])];
  return events.filter(({ type }) => type === 'm.room.member');
}

/** Shows that all of some people's servers have the same current state, and that what clients have heard is the same as well. */
async function theyAgree(room: string, first: Person, ...others: Person[]): Promise<void> {
  const last = await first.says('that is all', room);
  for (const other of others) await hears(other, room, last);
  const expected = await stateIds(first, room);
  for (const other of others) assert.deepEqual(await stateIds(other, room), expected, other.userId);
  for (const person of [first, ...others]) await expectSyncToConverge(person);
}

async function stateIds(person: Person, room: string): Promise<string[]> {
  const state: any[] = await person.get(`/rooms/${encodeURIComponent(room)}/state`);
  return state.map(({ type, state_key, event_id }) => `${type} ${state_key} ${event_id}`).sort();
}
