import { setTimeout } from 'node:timers/promises';

import { cpuRows, metered } from '../load/meter.ts';
import { say, type Person } from '../load/person.ts';
import { stampedText } from '../load/poller.ts';
import { percentile } from '../load/statistics.ts';
import type { Measurement, Scenario, Target } from '../scenario.ts';

const warmUpSeconds = 0.5;
const paceMs = 2;
/** A server with this many sends unanswered does not keep up; more would only measure how long the queue is. */
const mostUnanswered = 500;
const keptUpShare = 0.95;
const drainLimitMs = 10_000;
const drainStepMs = 50;

export const latency: Scenario = {
  name: 'latency',
  title: 'from the send of a message to its arrival in the long polls of all in its room',
  async run(target, { pollers, peopleInRoom, ratesASecond, rateSeconds }) {
    const people = await target.world.people(pollers);
    const rooms = await target.world.roomsOf(people, peopleInRoom);
    const members = people.map((person, index) => ({ person, room: rooms[Math.floor(index / peopleInRoom)] ?? '' }));
    let arrivals: number[] = [];
    const clients = await target.world.openClients(people, (ms) => arrivals.push(ms));
    const rows: Measurement[] = [];
    for (const rate of ratesASecond) {
      await sendAt(target, members, rate, warmUpSeconds);
      await untilQuiet(() => arrivals.length, Number.POSITIVE_INFINITY);
      arrivals = [];
      let sent = 0;
      const taken = await metered(target.server, async () => (sent = await sendAt(target, members, rate, rateSeconds)));
      const expected = sent * peopleInRoom;
      await untilQuiet(() => arrivals.length, expected);
      const achieved = sent / taken.seconds;
      const overloaded = achieved < keptUpShare * rate;
      const notes = [...taken.notes];
      if (overloaded) notes.push('did not keep up');
      if (arrivals.length < expected) notes.push(`${expected - arrivals.length} of ${expected} arrivals are missing`);
      rows.push(
        {
          what: `${rate} messages a second, p50`,
          value: percentile(arrivals, 0.5),
          unit: 'ms',
          better: 'less',
          overloaded,
          notes,
        },
        { what: '  p99', value: percentile(arrivals, 0.99), unit: 'ms', better: 'less', overloaded },
        { what: '  messages that got through', value: achieved, unit: 'a second', better: 'more' },
        ...cpuRows(taken, `a message to ${peopleInRoom}`),
      );
    }
    await clients.close();
    if (clients.failures.length > 0) throw new Error(`${clients.failures.length} polls failed`, { cause: clients.failures[0] });
    return rows;
  },
};

/** Sends at an even pace, whether the answers come or not; gives how many messages left, when all are answered. */
async function sendAt(
  { http }: Target,
  members: readonly { person: Person; room: string }[],
  rate: number,
  seconds: number,
): Promise<number> {
  const start = performance.now();
  const failures: unknown[] = [];
  const unanswered = new Set<Promise<void>>();
  let sent = 0;
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - start) / 1000) {
    for (; sent < elapsed * rate && unanswered.size < mostUnanswered; sent++) {
      // A step that has no divisor in common with the number of people goes through all of them, from room to room.
      const { person, room } = members[(sent * 7919) % members.length] as (typeof members)[number];
      const sending: Promise<void> = say(http, person, room, stampedText())
        .catch((error: unknown) => void failures.push(error))
        .finally(() => unanswered.delete(sending));
      unanswered.add(sending);
    }
    await setTimeout(paceMs);
  }
  await Promise.all(unanswered);
  if (failures.length > 0) throw new Error(`${failures.length} of ${sent} sends failed`, { cause: failures[0] });
  return sent;
}

/** Waits until so many have come, or nothing comes any more. */
async function untilQuiet(count: () => number, expected: number): Promise<void> {
  const start = performance.now();
  for (let before = -1; count() < expected && performance.now() - start < drainLimitMs;) {
    if (count() === before) return;
    before = count();
    await setTimeout(10 * drainStepMs);
  }
}
