import { cpuRows, metered } from '../load/meter.ts';
import { logIn } from '../load/person.ts';
import { forEachAtOnce } from '../load/statistics.ts';
import type { Measurement, Scenario } from '../scenario.ts';

const atOnce = 10;

export const accounts: Scenario = {
  name: 'accounts',
  title: `registrations and logins with a password, ${atOnce} at once (bcrypt_rounds: 4)`,
  async run({ server, http, world }, sizes) {
    const names = Array.from({ length: sizes.accounts }, () => world.newName());
    const measure = async (what: string, operation: string, work: (name: string) => Promise<unknown>): Promise<Measurement[]> => {
      const taken = await metered(server, async () => {
        await forEachAtOnce(names, atOnce, work);
        return names.length;
      });
      const value = taken.operations / taken.seconds;
      return [{ what, value, unit: 'a second', better: 'more', notes: taken.notes }, ...cpuRows(taken, operation)];
    };
    return [
      ...(await measure('registrations', 'a registration', (name) => world.register(name))),
      ...(await measure('logins', 'a login', (name) => logIn(http, name))),
    ];
  },
};
