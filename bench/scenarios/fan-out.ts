import { setTimeout } from 'node:timers/promises';

import { cpuRows, metered } from '../load/meter.ts';
import { say } from '../load/person.ts';
import { stampedText } from '../load/poller.ts';
import { median, percentile } from '../load/statistics.ts';
import type { Scenario } from '../scenario.ts';

const betweenMs = 100;
const patienceMs = 60_000;

export const fanOut: Scenario = {
  name: 'fan-out',
  title: 'one message into a room in which everybody polls: until all have it',
  async run({ server, http, world }, { pollers, hallMessages }) {
    const people = await world.people(pollers);
    const [hall] = await world.roomsOf(people, people.length);
    const [speaker] = people;
    if (hall === undefined || speaker === undefined) return [];
    let arrived: number[] = [];
    let allHere: () => void = () => undefined;
    const clients = await world.openClients(people, (ms) => {
      if (arrived.push(ms) === people.length) allHere();
    });
    const sendOne = async (): Promise<void> => {
      arrived = [];
      const everybody = new Promise<void>((resolve) => (allHere = resolve));
      await say(http, speaker, hall, stampedText());
      await Promise.race([everybody, setTimeout(patienceMs, undefined, { ref: false })]);
      if (arrived.length < people.length) throw new Error(`${arrived.length} of ${people.length} have it after a minute`);
      await setTimeout(betweenMs);
    };
    await sendOne();
    const half: number[] = [];
    const last: number[] = [];
    const taken = await metered(server, async () => {
      for (let count = 0; count < hallMessages; count++) {
        await sendOne();
        half.push(percentile(arrived, 0.5));
        last.push(percentile(arrived, 1));
      }
      return hallMessages;
    });
    await clients.close();
    if (clients.failures.length > 0) throw new Error(`${clients.failures.length} polls failed`, { cause: clients.failures[0] });
    return [
      {
        what: `all ${pollers} have it (median of ${hallMessages})`,
        value: median(last),
        unit: 'ms',
        better: 'less',
        notes: taken.notes,
      },
      { what: '  half of them have it', value: median(half), unit: 'ms', better: 'less' },
      ...cpuRows(taken, `a message to ${pollers}`),
    ];
  },
};
