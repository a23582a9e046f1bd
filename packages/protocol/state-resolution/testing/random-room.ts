import type { JsonObject } from '../../events/pdu.ts';
import { seededRandom } from '../../fixtures/index.ts';
import { alice, bob, carol, dave, friendsInARoom, joinRule, levels, mallory, membership, topic } from './room-dag.ts';
import type { RoomDag, Sending } from './room-dag.ts';

/** A whole number from 0 to below `limit`. */
export type Dice = (limit: number) => number;

/** Numbers that look random and are the same for the same seed. */
export function dice(seed: number): Dice {
  return seededRandom(seed).below;
}

export function pick<Item>(items: readonly Item[], roll: Dice): Item {
  return items[roll(items.length)] as Item;
}

/** The same items in another order. */
export function shuffled<Item>(items: readonly Item[], roll: Dice): Item[] {
  const rest = [...items];
  return items.map(() => rest.splice(roll(rest.length), 1)[0] as Item);
}

/**
 * A room in which friends and enemies do whatever the room lets them, on forks that are joined now and then, with clocks that
 * go wrong. Nothing in it is forged.
 * @returns the room and the names of its events, oldest first
 */
export function randomRoom(version: string, size: number, roll: Dice): { room: RoomDag; names: string[] } {
  const room = friendsInARoom(
    version,
    { [bob]: 100, [carol]: 50, [dave]: 50 },
    version === '12' ? { additional_creators: [mallory] } : {},
  );
  const names = ['create', 'alice', 'levels', 'public', 'bob', 'carol', 'dave'];
  for (let tries = 0; names.length < size && tries < size * 20; tries++) {
    // Mostly from among the latest, so that forks grow for a while before they meet.
    const after = new Set([names.length - 1, names.length - 1 - roll(8)].map((at) => names[Math.max(6, at)] ?? 'dave'));
    if (roll(3) > 0) after.delete([...after][0] ?? '');
    if (after.size === 0) after.add(names.at(-1) ?? 'dave');
    const sending = { ...randomAct(`e${names.length}`, version, roll), at: names.length * 10 + roll(60) };
    if (room.attempt(sending, ...after)) names.push(sending.id);
  }
  return { room, names };
}

function randomAct(id: string, version: string, roll: Dice): Sending {
  const people = [alice, bob, carol, dave, mallory];
  const sender = pick(people, roll);
  const other = pick(people, roll);
  switch (roll(8)) {
    case 0:
      return levels(id, sender, randomUsers(version, roll), { invite: pick([0, 50], roll), kick: pick([0, 50], roll) });
    case 1:
      return joinRule(id, sender, pick(['public', 'invite', 'knock'], roll));
    case 2:
      return membership(id, sender, 'ban', other);
    case 3:
      return membership(id, sender, 'leave', other);
    case 4:
      return membership(id, sender, 'invite', other);
    case 5:
      return topic(id, sender);
    default:
      return membership(id, sender, 'join');
  }
}

function randomUsers(version: string, roll: Dice): JsonObject {
  const people = version === '12' ? [bob, carol, dave] : [alice, bob, carol, dave, mallory];
  return Object.fromEntries(people.map((user) => [user, pick([0, 50, 50, 100, 100], roll)]));
}
