import { createRoom, say, setTopic } from '../load/person.ts';
import { forEachAtOnce } from '../load/statistics.ts';
import { NotHere, type Measurement, type Scenario } from '../scenario.ts';

const atOnce = 10;

export const disk: Scenario = {
  name: 'disk',
  title: 'how much the database grows (logs emptied, the server stopped)',
  async run({ server, http, world }, { storedMessages, storedChanges }) {
    const { bytesOnDisk } = server;
    if (!bytesOnDisk) throw new NotHere('where its data is, is not known');
    const person = await world.register(world.newName());
    const room = await createRoom(http, person, 'A long talk');
    await say(http, person, room, 'the first of many');
    const growth = async (what: string, times: number, work: (index: number) => Promise<void>): Promise<Measurement> => {
      const before = await bytesOnDisk();
      await http.reconnect();
      await forEachAtOnce([...Array(times).keys()], atOnce, work);
      const after = await bytesOnDisk();
      await http.reconnect();
      return { what, value: (after - before) / times, unit: 'bytes', better: 'less' };
    };
    return [
      await growth('a message of 60 letters', storedMessages, (index) =>
        say(http, person, room, `${index} is the number of this message`.padEnd(60, '.')),
      ),
      await growth('a state change', storedChanges, (index) => setTopic(http, person, room, `Topic number ${index}`)),
    ];
  },
};
