import { median } from '../load/statistics.ts';
import { NotHere, type Scenario } from '../scenario.ts';

export const start: Scenario = {
  name: 'start',
  title: 'from the start of the process to the first answered /_matrix/client/versions',
  async run({ server, http }, { starts }) {
    if (!server.restart) throw new NotHere('its start is not ours to measure');
    const times: number[] = [];
    for (let count = 0; count < starts; count++) times.push(await server.restart());
    await http.reconnect();
    return [{ what: `start (median of ${starts})`, value: median(times), unit: 'ms', better: 'less' }];
  },
};
