import { cpuRows, metered } from '../load/meter.ts';
import { createRoom, join, logIn, say, type Person } from '../load/person.ts';
import { forEachAtOnce, median, percentile } from '../load/statistics.ts';
import type { Scenario, Target } from '../scenario.ts';

const atOnce = 10;
const messagesInRoom = 5;
const loneSyncs = 3;

export const firstSync: Scenario = {
  name: 'first-sync',
  title: 'the first sync of a new device of an account that is in many rooms',
  async run(target, { rooms, devices }) {
    const { server, http, world } = target;
    const [host, guest] = [await world.register(world.newName()), await world.register(world.newName())];
    await forEachAtOnce(
      Array.from({ length: rooms }, (_, index) => `Room ${index}`),
      atOnce,
      async (name) => {
        const room = await createRoom(http, host, name);
        await join(http, guest, room);
        for (let count = 0; count < messagesInRoom; count++) await say(http, host, room, 'an ordinary message');
      },
    );
    const fresh = await Promise.all(Array.from({ length: loneSyncs + devices }, () => logIn(http, guest.name)));

    const lone: number[] = [];
    const alone = await metered(server, async () => {
      for (const device of fresh.slice(0, loneSyncs)) lone.push(await sync(target, device));
      return loneSyncs;
    });
    const crowd: number[] = [];
    const together = await metered(server, async () => {
      await Promise.all(fresh.slice(loneSyncs).map(async (device) => crowd.push(await sync(target, device))));
      return devices;
    });
    return [
      { what: `${rooms} rooms, alone`, value: median(lone), unit: 'ms', better: 'less', notes: alone.notes },
      ...cpuRows(alone, 'a sync'),
      { what: `${rooms} rooms, ${devices} devices at once, p50`, value: median(crowd), unit: 'ms', better: 'less' },
      { what: '  the last of them', value: percentile(crowd, 1), unit: 'ms', better: 'less', notes: together.notes },
      ...cpuRows(together, 'a sync'),
    ];
  },
};

async function sync({ http }: Target, { token }: Person): Promise<number> {
  const begun = performance.now();
  await http.get({ method: 'GET', path: '/_matrix/client/v3/sync?set_presence=offline&timeout=0', token });
  return performance.now() - begun;
}
