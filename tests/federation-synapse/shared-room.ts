import assert from 'node:assert/strict';

import type { Person } from '@myelin/testing';

/** The name of somebody's server. */
export const serverOf = (person: Person): string => person.userId.slice(person.userId.indexOf(':') + 1);

/** A path of the client API below a room. */
export const inRoom = (room: string, path: string): string => `/rooms/${encodeURIComponent(room)}/${path}`;

/** Waits until an event is in somebody's timeline (or among the state that a sync shows), and gives it. */
export function hears(person: Person, room: string, eventId: string): Promise<any> {
  return person.syncsUntil((answer) => {
    const { timeline, state } = answer.rooms?.join?.[room] ?? answer.rooms?.leave?.[room] ?? {};
    return [...(timeline?.events ?? []), ...(state?.events ?? [])].find(({ event_id: id }: any) => id === eventId);
  });
}

/** Waits until somebody can see an event, in whatever order it came. */
export async function knows(person: Person, room: string, eventId: string): Promise<void> {
  for (let round = 0; round < 50; round++) {
    const { status } = await person.request('GET', inRoom(room, `event/${encodeURIComponent(eventId)}`));
    if (status === 200) return;
    await person.waitsForSync({ timeout: 1_000 });
  }
  throw new Error(`${person.userId} waits for ${eventId} in vain`);
}

/** Waits until somebody's membership is this, as another sees it. */
export async function sees(person: Person, room: string, userId: string, membership: string): Promise<void> {
  const path = inRoom(room, `state/m.room.member/${encodeURIComponent(userId)}`);
  const isSo = async (): Promise<boolean> => {
    const { status, body } = await person.request('GET', path);
    return status === 200 && body.membership === membership;
  };
  for (let round = 0; round < 50; round++) {
    if (await isSo()) return;
    await person.waitsForSync({ timeout: 5_000 });
  }
  throw new Error(`${person.userId} does not see that ${userId} is ${membership}`);
}

/** Waits for an ephemeral event of a room that says something that fits. */
export function ephemeral(person: Person, room: string, type: string, fits: (content: any) => boolean): Promise<any> {
  return person.syncsUntil((answer) =>
    answer.rooms?.join?.[room]?.ephemeral?.events.find((event: any) => event.type === type && fits(event.content)),
  );
}

/** All that somebody finds by paging back from now, the newest first. */
export async function pagesBack(person: Person, room: string): Promise<any[]> {
  const found: any[] = [];
  let from: string | undefined;
  for (let page = 0; page < 20; page++) {
    const { chunk, end } = await person.get(inRoom(room, 'messages'), { dir: 'b', limit: 20, from });
    found.push(...chunk);
    if (end === undefined) return found;
    from = end;
  }
  throw new Error(`${room} has no beginning`);
}

/** Both servers say the same of a room's current state, event by event. */
export async function agreeOn(room: string, one: Person, other: Person): Promise<void> {
  const stateFor = async (person: Person): Promise<Record<string, unknown>> => {
    const events: any[] = await person.get(inRoom(room, 'state'));
    return Object.fromEntries(
      events
        .map(({ type, state_key: key, event_id: id, content }): [string, unknown] => [`${type} ${key}`, { id, content }])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  };
  assert.deepEqual(await stateFor(one), await stateFor(other));
}

/** `host` asks `guest` in, who is on the other server; both may do everything. */
export async function share(version: string, host: Person, guest: Person): Promise<string> {
  const users = version === '12' ? { [guest.userId]: 100 } : { [host.userId]: 100, [guest.userId]: 100 };
  const room = await host.createsRoom({
    preset: 'private_chat',
    room_version: version,
    invite: [guest.userId],
    power_level_content_override: { users },
  });
  await guest.syncsUntil((sync) => sync.rooms?.invite?.[room]);
  await guest.joins(room);
  await sees(host, room, guest.userId, 'join');
  return room;
}
