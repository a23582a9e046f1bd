import { GeneratedRoom, type GeneratedEvent } from './generated-room.ts';
import type { Row } from './joins.ts';
import { eventsIn, startSetting, type Setting } from './setting.ts';

const quietRooms = 10;
const everyMs = 10;
const secondsEach = 4;
const floodEvents = 6_000;
const eventsInTransaction = 50;
const transactionsAtOnce = 3;
const impatienceMs = 20;

/** From the sending of an event to its arrival in a local sync, in ten rooms with 100 events a second; alone, and beside a flood. */
export async function measureFlood(): Promise<Row[]> {
  const setting = await startSetting(quietRooms + 1);
  try {
    const [alice, bob] = [await setting.person('alice'), await setting.person('bob')];
    const joins = async (person: typeof alice, room: GeneratedRoom, server: number): Promise<void> => {
      const via = encodeURIComponent(setting.origins[server]?.name ?? '');
      await person.post(`/join/${encodeURIComponent(room.roomId)}?via=${via}`, {});
    };
    const quiet: GeneratedRoom[] = [];
    for (let index = 0; index < quietRooms; index++) {
      const room = new GeneratedRoom([setting.origins[index] as Setting['origins'][number]], 1, `quiet ${index}`);
      await joins(alice, room, index);
      quiet.push(room);
    }
    const flooded = new GeneratedRoom([setting.origins[quietRooms] as Setting['origins'][number]], 1, 'flooded');
    await joins(bob, flooded, quietRooms);
    await alice.syncs();
    const flood = generateFlood(setting, flooded);

    await delays(setting, quiet, alice, 1);
    const alone = await delays(setting, quiet, alice, secondsEach);
    const endFlood = flood();
    const beside = await delays(setting, quiet, alice, secondsEach);
    const note = await endFlood();
    return [rowOf('alone', alone), rowOf(note, beside)];
  } finally {
    await setting.stop();
  }
}

/** Signs a flood; the function begins it and gives the function that ends it and tells how strong it was. */
function generateFlood(setting: Setting, room: GeneratedRoom): () => () => Promise<string> {
  const origin = setting.origins[quietRooms] as Setting['origins'][number];
  const events = Array.from({ length: floodEvents }, (_, index) => room.message(0, `drop ${index}`));
  return () => {
    const ending = new AbortController();
    const start = performance.now();
    let next = 0;
    let taken = 0;
    let refused = 0;
    const pours = Array.from({ length: transactionsAtOnce }, async () => {
      while (!ending.signal.aborted && next < floodEvents) {
        const transaction = events.slice(next, (next += eventsInTransaction));
        // It does not wait as long as it is told to.
        while (!(await setting.transaction(origin, transaction)) && !ending.signal.aborted) {
          refused += 1;
          await new Promise((resolve) => setTimeout(resolve, impatienceMs));
        }
        if (!ending.signal.aborted) taken += transaction.length;
      }
      return performance.now() - start;
    });
    return async () => {
      ending.abort();
      const lasted = Math.max(...(await Promise.all(pours))) / 1000;
      return `beside ${Math.round(taken / lasted)} taken a second for ${lasted.toFixed(1)} s, ${refused} transactions refused`;
    };
  };
}

type Person = Awaited<ReturnType<Setting['person']>>;

/** Sends at an even pace whether answers come or not; milliseconds from each sending to the arrival. */
async function delays(setting: Setting, rooms: readonly GeneratedRoom[], person: Person, seconds: number): Promise<number[]> {
  const count = (seconds * 1000) / everyMs;
  const events = Array.from({ length: count }, (_, index): GeneratedEvent => {
    const room = rooms[index % rooms.length];
    if (!room) throw new Error('there is no room');
    return room.message(0, `message ${index}`);
  });
  const sentAt = new Map<string, number>();
  const times: number[] = [];
  const sends: Promise<boolean>[] = [];
  const start = performance.now();
  let next = 0;
  const sendDue = (): void => {
    for (; next < count && performance.now() - start >= next * everyMs; next++) {
      const event = events[next];
      const origin = setting.origins[next % rooms.length];
      if (!event || !origin) throw new Error('there is no event');
      sentAt.set(event.eventId, performance.now());
      sends.push(setting.transaction(origin, [event]));
    }
    if (next < count) setTimeout(sendDue, 1);
  };
  sendDue();
  while (times.length < count) {
    const answer = await person.waitsForSync({ filter: '{"room":{"timeline":{"limit":100}}}' });
    const now = performance.now();
    for (const eventId of eventsIn(answer)) {
      const sent = sentAt.get(eventId);
      if (sent !== undefined) times.push(now - sent);
    }
  }
  if ((await Promise.all(sends)).includes(false)) throw new Error('a quiet room was refused');
  return times;
}

function rowOf(what: string, times: readonly number[]): Row {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  return {
    'events of the other rooms': what,
    count: times.length,
    'p50 ms': at(0.5),
    'p90 ms': at(0.9),
    'p99 ms': at(0.99),
    'worst ms': at(1),
  };
}
