import type { Person } from '@myelin/testing';

import { agreeOn, inRoom, knows, share } from './shared-room.ts';

/** What was said while servers did not hear each other: by whom, and who is to hear of it. */
interface Said {
  readonly room: string;
  readonly hearer: Person;
  readonly eventId: string;
}

/** A room of two people on two servers who may do everything, and of a friend on the server of the guest. */
export interface Halves {
  readonly room: string;
  readonly host: Person;
  readonly guest: Person;
  readonly friend: Person;
}

export async function halvesOf(version: string, host: Person, guest: Person, friend: Person): Promise<Halves> {
  const room = await share(version, host, guest);
  // The members may come after the join, and without them nobody can be invited.
  await guest.get(inRoom(room, 'joined_members'));
  return { room, host, guest, friend };
}

/** Done while neither server hears the other: each writes, and both change the same things in different ways. */
export async function quarrel({ room, host, guest, friend }: Halves): Promise<Said[]> {
  const said: Said[] = [];
  for (const [one, hearer, level] of [
    [host, guest, 50],
    [guest, host, 75],
  ] as const) {
    const says = async (text: string): Promise<void> => {
      said.push({ room, hearer, eventId: await one.says(text, room) });
    };
    await says('is this thing on?');
    await one.setsState(room, 'm.room.name', { name: `as ${one.localpart} has it` });
    const levels = await one.get(inRoom(room, 'state/m.room.power_levels/'));
    const users = { ...levels.users, [friend.userId]: level };
    await one.setsState(room, 'm.room.power_levels', { ...levels, users, ban: level });
    await one.post(inRoom(room, one === host ? 'ban' : 'invite'), { user_id: friend.userId });
    await one.setsState(room, 'm.room.topic', { topic: `as ${one.localpart} has it` });
    await says('can you hear me?');
  }
  return said;
}

/**
 * Once the servers hear each other: everything comes across, and both say the same of the room. What that is, is for the tests of state
 * resolution to say.
 */
export async function makeUp({ room, host, guest }: Halves, said: readonly Said[]): Promise<void> {
  for (const { hearer, eventId } of said) await knows(hearer, room, eventId);
  await agreeOn(room, host, guest);
  await knows(host, room, await guest.says('we are one again', room));
  await knows(guest, room, await host.says('so we are', room));
  await agreeOn(room, host, guest);
}
