import assert from 'node:assert/strict';

import type { Person } from '@myelin/testing';

import { agreeOn, hears, pagesBack, sees, serverOf, share } from './shared-room.ts';

/** A status, and another name: the other server sees both (a profile itself may be remembered for some minutes). */
export async function showOneself(one: Person, other: Person): Promise<void> {
  const room = await share('10', one, other);
  const status = `making tea, ${one.localpart}`;
  await one.put(`/presence/${encodeURIComponent(one.userId)}/status`, { presence: 'online', status_msg: status });
  const seen = await other.syncsUntil((sync) =>
    sync.presence?.events.find(({ sender, content }: any) => sender === one.userId && content.status_msg === status),
  );
  assert.equal(seen.content.presence, 'online');
  const displayname = `${one.localpart} the Second`;
  await one.put(`/profile/${encodeURIComponent(one.userId)}/displayname`, { displayname });
  await other.syncsUntil((sync) =>
    sync.rooms?.join?.[room]?.timeline?.events.find(({ content }: any) => content.displayname === displayname),
  );
  await one.put(`/profile/${encodeURIComponent(one.userId)}/displayname`, { displayname: one.localpart });
}

/** The guest leaves, the room goes on, the guest comes back: the state is the room's, the past is whole. */
export async function comeBack(version: string, host: Person, guest: Person): Promise<void> {
  const room = await host.createsRoom({ preset: 'public_chat', room_version: version });
  const path = `/join/${encodeURIComponent(room)}?via=${serverOf(host)}&server_name=${serverOf(host)}`;
  await guest.post(path);
  await sees(host, room, guest.userId, 'join');
  await guest.leaves(room);
  await sees(host, room, guest.userId, 'leave');
  const meanwhile = [await host.says('they are gone', room)];
  await host.setsState(room, 'm.room.name', { name: 'Without them' });
  meanwhile.push(await host.says('quiet, is it not?', room));
  await guest.post(path);
  await sees(host, room, guest.userId, 'join');
  await agreeOn(room, host, guest);
  const read = (await pagesBack(guest, room)).map(({ event_id: id }) => id);
  assert.deepEqual(
    read.filter((id) => meanwhile.includes(id)),
    meanwhile.toReversed(),
  );
  await hears(host, room, await guest.says('back', room));
}
