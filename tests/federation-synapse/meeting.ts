import assert from 'node:assert/strict';

import type { Person } from '@myelin/testing';

import { agreeOn, ephemeral, hears, inRoom, pagesBack, sees, serverOf } from './shared-room.ts';

/** `host` has the room; `guest` and `friend` are on the other server. */
export async function meet(version: string, host: Person, guest: Person, friend: Person): Promise<void> {
  // Found by alias, joined, and read back to its beginning.
  const name = `meeting-${version}-${host.localpart}`;
  const room = await host.createsRoom({ preset: 'public_chat', room_version: version, room_alias_name: name, name: 'Meeting' });
  const before: string[] = [];
  for (const text of ['one', 'two', 'three']) before.push(await host.says(text, room));
  const alias = `#${name}:${serverOf(host)}`;
  const found = await guest.get(`/directory/room/${encodeURIComponent(alias)}`);
  assert.equal(found.room_id, room);
  assert.equal((await guest.joins(alias)).room_id, room);
  await sees(host, room, guest.userId, 'join');
  const history = (await pagesBack(guest, room)).map(({ event_id: id }) => id);
  assert.deepEqual(
    history.filter((id) => before.includes(id)),
    before.toReversed(),
    'what was said before',
  );

  // Talk, typing, receipts, profiles.
  const hello = await guest.says('hello', room);
  assert.equal((await hears(host, room, hello)).content.body, 'hello');
  const answer = await host.says('welcome', room);
  assert.equal((await hears(guest, room, answer)).content.body, 'welcome');
  for (const [one, other, read] of [
    [host, guest, hello],
    [guest, host, answer],
  ] as const) {
    await one.put(inRoom(room, `typing/${encodeURIComponent(one.userId)}`), { typing: true, timeout: 20_000 });
    await ephemeral(other, room, 'm.typing', ({ user_ids: users }) => users.includes(one.userId));
    await one.put(inRoom(room, `typing/${encodeURIComponent(one.userId)}`), { typing: false });
    await one.post(inRoom(room, `receipt/m.read/${encodeURIComponent(read)}`));
    await ephemeral(other, room, 'm.receipt', (content) => content[read]?.['m.read']?.[one.userId]);
    const profile = await other.get(`/profile/${encodeURIComponent(one.userId)}`);
    assert.equal(profile.displayname, one.localpart);
  }

  // Taken back, each by who said it; the host takes back what the guest said.
  for (const [one, other, target] of [
    [host, guest, answer],
    [guest, host, await guest.says('oops', room)],
    [host, guest, hello],
  ] as const) {
    await hears(
      other,
      room,
      (await one.put(inRoom(room, `redact/${encodeURIComponent(target)}/r${target.slice(1, 20)}`))).event_id,
    );
    const redacted = await other.get(inRoom(room, `event/${encodeURIComponent(target)}`));
    assert.deepEqual(redacted.content, {});
  }

  // Invited, kicked, back again, banned.
  await host.invites(friend, room);
  await friend.syncsUntil((sync) => sync.rooms?.invite?.[room]);
  await friend.joins(room);
  await sees(host, room, friend.userId, 'join');
  await host.post(inRoom(room, 'kick'), { user_id: friend.userId, reason: 'too loud' });
  await sees(guest, room, friend.userId, 'leave');
  await friend.joins(room);
  await sees(host, room, friend.userId, 'join');
  await host.post(inRoom(room, 'ban'), { user_id: friend.userId });
  await sees(guest, room, friend.userId, 'ban');
  const refused = await friend.request('POST', `/join/${encodeURIComponent(room)}`, { body: {} });
  assert.equal(refused.status, 403, JSON.stringify(refused.body));
  await host.post(inRoom(room, 'unban'), { user_id: friend.userId });

  // The guest may name the room now; both agree on everything.
  const levels = await host.get(inRoom(room, 'state/m.room.power_levels/'));
  const promotion = await host.setsState(room, 'm.room.power_levels', {
    ...levels,
    users: { ...levels.users, [guest.userId]: 50 },
  });
  await hears(guest, room, promotion);
  await hears(host, room, await guest.setsState(room, 'm.room.topic', { topic: 'what we agree on' }));
  await agreeOn(room, host, guest);
  await guest.leaves(room);
  await sees(host, room, guest.userId, 'leave');
}
