import { setTimeout } from 'node:timers/promises';

import { NotHere, type Measurement, type Scenario } from '../scenario.ts';
import { memoryOf } from '../servers/process-usage.ts';

const settleMs = 2_000;
const megabyte = 1_000_000;

export const memory: Scenario = {
  name: 'memory',
  title: 'resident memory of the server when nothing happens, and with clients open',
  async run({ server, http, world }, { pollers, peopleInRoom }) {
    if (server.processes().length === 0) throw new NotHere('its process is not known (--pid)');
    const rows: Measurement[] = [];
    if (server.restart) {
      await server.restart();
      await http.reconnect();
      await setTimeout(settleMs);
      rows.push(resident('idle after the start', memoryOf(server.processes())));
    }
    const people = await world.people(pollers);
    await world.roomsOf(people, peopleInRoom);
    const clients = await world.openClients(people, () => undefined);
    await setTimeout(settleMs);
    rows.push(resident(`with ${pollers} users whose clients are open`, memoryOf(server.processes())));
    await clients.close();
    return rows;
  },
};

function resident(what: string, bytes = Number.NaN): Measurement {
  return { what, value: bytes / megabyte, unit: 'MB', better: 'less' };
}
