import { cpuRows, metered } from '../load/meter.ts';
import { say, type Person } from '../load/person.ts';
import { percentile } from '../load/statistics.ts';
import type { Measurement, Scenario, Target } from '../scenario.ts';

const warmUpShare = 0.25;
const text = 'an ordinary message of an ordinary length, as people write them';

export const sends: Scenario = {
  name: 'sends',
  title: 'messages into one room; each sender waits for its answer, which says that the message is kept',
  async run(target, { senders, sendSeconds }) {
    const people = await target.world.people(Math.max(...senders));
    const [room] = await target.world.roomsOf(people, people.length);
    if (room === undefined) return [];
    const rows: Measurement[] = [];
    for (const count of senders) {
      const some = people.slice(0, count);
      await talk(target, some, room, warmUpShare * sendSeconds);
      const latencies: number[] = [];
      const taken = await metered(target.server, () => talk(target, some, room, sendSeconds, latencies));
      rows.push(
        {
          what: count === 1 ? '1 sender' : `${count} senders`,
          value: taken.operations / taken.seconds,
          unit: 'a second',
          better: 'more',
          notes: taken.notes,
        },
        { what: '  p50 of an answer', value: percentile(latencies, 0.5), unit: 'ms', better: 'less' },
        { what: '  p99 of an answer', value: percentile(latencies, 0.99), unit: 'ms', better: 'less' },
        ...cpuRows(taken, 'a message'),
      );
    }
    return rows;
  },
};

/** All of them talk, each as fast as it is answered; gives how many messages it was. */
async function talk(
  { http }: Target,
  people: readonly Person[],
  room: string,
  seconds: number,
  latencies: number[] = [],
): Promise<number> {
  const end = performance.now() + 1000 * seconds;
  let messages = 0;
  await Promise.all(
    people.map(async (person) => {
      for (let now = performance.now(); now < end; messages++) {
        await say(http, person, room, text);
        latencies.push(-now + (now = performance.now()));
      }
    }),
  );
  return messages;
}
