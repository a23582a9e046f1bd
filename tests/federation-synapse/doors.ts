import assert from 'node:assert/strict';

import type { Person } from '@myelin/testing';

import { agreeOn, hears, inRoom, sees, serverOf } from './shared-room.ts';

/** An invitation that is not wanted, and one that is taken back. */
export async function refuseAnInvitation(version: string, host: Person, guest: Person): Promise<void> {
  const room = await host.createsRoom({ preset: 'private_chat', room_version: version, name: 'Come in' });
  await host.invites(guest, room);
  const { invite_state: shown } = await guest.syncsUntil((sync) => sync.rooms?.invite?.[room]);
  const named = shown.events.find(({ type }: any) => type === 'm.room.name');
  assert.equal(named?.content.name, 'Come in', 'who is invited sees where');
  await guest.leaves(room);
  await sees(host, room, guest.userId, 'leave');
  await host.invites(guest, room);
  await guest.syncsUntil((sync) => sync.rooms?.invite?.[room]);
  await host.post(inRoom(room, 'kick'), { user_id: guest.userId });
  await guest.syncsUntil((sync) => sync.rooms?.leave?.[room]);
}

/** Somebody knocks, perhaps thinks better of it and knocks again, and is let in. */
export async function knock(
  version: string,
  host: Person,
  guest: Person,
  { withdrawn }: { readonly withdrawn: boolean },
): Promise<void> {
  const room = await host.createsRoom({
    preset: 'private_chat',
    room_version: version,
    name: 'Knock',
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
  });
  const path = `/knock/${encodeURIComponent(room)}?via=${serverOf(host)}&server_name=${serverOf(host)}`;
  await guest.post(path, { reason: 'please' });
  const { knock_state: shown } = await guest.syncsUntil((sync) => sync.rooms?.knock?.[room]);
  assert.ok(shown.events.some(({ type, content }: any) => type === 'm.room.name' && content.name === 'Knock'));
  await sees(host, room, guest.userId, 'knock');
  if (withdrawn) {
    await guest.leaves(room);
    await sees(host, room, guest.userId, 'leave');
    await guest.post(path);
    await sees(host, room, guest.userId, 'knock');
  }
  await host.invites(guest, room);
  await guest.syncsUntil((sync) => sync.rooms?.invite?.[room]);
  await guest.joins(room);
  await sees(host, room, guest.userId, 'join');
  await agreeOn(room, host, guest);
}

/** A room for the members of a space: in by a word of the host's server, and not otherwise. */
export async function enterByASpace(version: string, host: Person, guest: Person): Promise<void> {
  const space = await host.createsRoom({
    preset: 'public_chat',
    room_version: version,
    name: 'Space',
    creation_content: { type: 'm.space' },
  });
  const room = await host.createsRoom({
    preset: 'private_chat',
    room_version: version,
    name: 'Members only',
    initial_state: [
      {
        type: 'm.room.join_rules',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] },
      },
    ],
  });
  await host.setsState(space, 'm.space.child', { via: [serverOf(host)] }, room);
  const via = `?via=${serverOf(host)}&server_name=${serverOf(host)}`;
  await guest.isRefused('POST', `/join/${encodeURIComponent(room)}${via}`, { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });
  await guest.post(`/join/${encodeURIComponent(space)}${via}`);
  await sees(host, space, guest.userId, 'join');
  const { rooms } = await guest.get(`/_matrix/client/v1/rooms/${encodeURIComponent(space)}/hierarchy`);
  assert.deepEqual(
    rooms.map(({ room_id: id }: any) => id),
    [space, room],
    'the space shows what is in it',
  );
  await guest.post(`/join/${encodeURIComponent(room)}${via}`);
  await sees(host, room, guest.userId, 'join');
  const member = await host.get(inRoom(room, `state/m.room.member/${encodeURIComponent(guest.userId)}`));
  assert.equal(member.join_authorised_via_users_server, host.userId);
  await agreeOn(room, host, guest);
  await hears(host, room, await guest.says('I am one of you', room));
}

/** Rooms that a server shows to everybody are seen from the other one, and joined from there. */
export async function lookIntoTheDirectory(host: Person, guest: Person): Promise<void> {
  const name = `Everybody's, says ${host.localpart}`;
  const room = await host.createsRoom({ preset: 'public_chat', visibility: 'public', name, topic: 'open' });
  const path = `/publicRooms?server=${encodeURIComponent(serverOf(host))}`;
  const { chunk } = await guest.post(path, { filter: { generic_search_term: name } });
  const shown = chunk.find(({ room_id: id }: any) => id === room);
  assert.partialDeepStrictEqual(shown, { name, topic: 'open', num_joined_members: 1, join_rule: 'public' });
  await guest.post(`/join/${encodeURIComponent(room)}?via=${serverOf(host)}&server_name=${serverOf(host)}`);
  await hears(host, room, await guest.says('found it', room));
}

/** A room whose past is for those who were there: newcomers from elsewhere do not see it. */
export async function hideThePast(host: Person, guest: Person): Promise<void> {
  const room = await host.createsRoom({
    preset: 'private_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
  });
  const secret = await host.says('just between us', room);
  await host.invites(guest, room);
  await guest.syncsUntil((sync) => sync.rooms?.invite?.[room]);
  await guest.joins(room);
  await sees(host, room, guest.userId, 'join');
  await hears(guest, room, await host.says('welcome', room));
  const { chunk } = await guest.get(inRoom(room, 'messages'), { dir: 'b', limit: 50 });
  assert.ok(!chunk.some(({ event_id: id, content }: any) => id === secret && 'body' in content));
  const { status } = await guest.request('GET', inRoom(room, `event/${encodeURIComponent(secret)}`));
  assert.equal(status, 404);
}
