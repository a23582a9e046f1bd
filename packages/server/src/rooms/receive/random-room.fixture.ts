import assert from 'node:assert/strict';

import type { EventId } from '@myelin/protocol/identifiers';

import type { Random } from '../../platform/random.ts';
import { joinRule, levels, membership, says, topic, type OtherServers, type Sending } from './other-servers.fixture.ts';
import { ann, bob, cora, expected, friendsElsewhere, mallory, type storyIn } from './room-story.fixture.ts';

const people = [ann, bob, cora, mallory];

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.integer(0, items.length)] as Item;
}

function randomAct(random: Random, version: string): Sending {
  const [sender, other] = [pick(random, people), pick(random, people)];
  const level = (): number => pick(random, [0, 50, 50, 100]);
  const users = Object.fromEntries((version === '12' ? people.slice(1) : people).map((user) => [user, level()]));
  switch (random.integer(0, 9)) {
    case 0:
      return levels(sender, users, { invite: pick(random, [0, 50]) });
    case 1:
      return joinRule(sender, pick(random, ['public', 'invite', 'knock']));
    case 2:
      return membership(other, 'ban', sender);
    case 3:
      return membership(other, 'leave', sender);
    case 4:
      return membership(other, 'invite', sender);
    case 5:
    case 6:
      return topic(sender, random.token(4));
    case 7:
      return says(sender, random.token(4));
    default:
      return membership(sender, 'join');
  }
}

/** A room in which friends and enemies do what they may, on branches that meet now and then. */
export function randomRoom(
  version: string,
  size: number,
  random: Random,
): { others: OtherServers; join: EventId; sent: EventId[] } {
  const { others, join } = friendsElsewhere(version);
  const sent: EventId[] = [];
  for (let tries = 0; sent.length < size && tries < size * 30; tries++) {
    const all = [join, ...sent];
    const after = new Set([all.length - 1, Math.max(0, all.length - 1 - random.integer(0, 6))].map((at) => all[at] as EventId));
    if (after.size > 1 && random.integer(0, 3) > 0) after.delete([...after][0] as EventId);
    const eventId = others.attempt(randomAct(random, version), [...after]);
    if (eventId !== undefined) sent.push(eventId);
  }
  return { others, join, sent };
}

/** An order in which each event comes after those it follows. */
export function someOrder(others: OtherServers, sent: readonly EventId[], random: Random): EventId[] {
  const left = new Set(sent);
  const ordered: EventId[] = [];
  while (left.size > 0) {
    const ready = [...left].filter((eventId) => !others.sent(eventId).event.prevEvents.some((prev) => left.has(prev)));
    const next = pick(random, ready);
    left.delete(next);
    ordered.push(next);
  }
  return ordered;
}

/** The events that nothing follows. */
function ends(others: OtherServers, join: EventId, sent: readonly EventId[]): EventId[] {
  const followed = new Set(sent.flatMap((eventId) => others.sent(eventId).event.prevEvents));
  return [join, ...sent].filter((eventId) => !followed.has(eventId));
}

/**
 * An event that follows all ends settles what the room is: before it, each server may have refused other latecomers. One that nobody was
 * allowed to send is rejected, and has its place all the same.
 */
export function settledBy(
  others: OtherServers,
  join: EventId,
  sent: readonly EventId[],
): { settled: EventId; isAllowed: boolean } {
  const last = ends(others, join, sent).slice(0, 20);
  const allowed = people.flatMap((user) => others.attempt(says(user, 'all heard'), last) ?? []).at(0);
  return { settled: allowed ?? others.forge(says(ann, 'all heard'), last), isAllowed: allowed !== undefined };
}

/** Shows that an event has its place upon the state that the other servers have there. */
export async function isSettled({ rooms, room, others }: ReturnType<typeof storyIn>, settled: EventId): Promise<void> {
  const stored = await rooms.events.byId(settled);
  assert.ok(stored?.stateRoot !== undefined);
  const events = await rooms.states.all(room.nid, stored.stateRoot);
  assert.deepEqual(
    Object.fromEntries(events.map(({ type, stateKey, eventId }) => [`${type} ${stateKey}`, eventId] as const)),
    expected(others, [settled]),
  );
  assert.equal(events.length, others.stateOf([settled]).size);
}

/** The table of members says what the current state says. */
export async function membershipsAgree({ rooms, room }: ReturnType<typeof storyIn>): Promise<void> {
  const members = await rooms.states.allOfType(room.nid, await rooms.states.currentRoot(room.nid), 'm.room.member');
  const counts = new Map<unknown, number>();
  for (const { content } of members) counts.set(content['membership'], (counts.get(content['membership']) ?? 0) + 1);
  const inMemory = await rooms.inTurn(room, (head) => Promise.resolve(head.head.members));
  for (const [is, count] of inMemory) {
    // Whom a resolution took away counts as gone.
    if (is !== 'leave') assert.equal(count, counts.get(is) ?? 0, is);
  }
}
