import { cpuOf } from '../servers/process-usage.ts';
import { GeneratedRoom } from './generated-room.ts';
import type { Row } from './joins.ts';
import { Pourer } from './pour.ts';
import { eventsIn, startSetting, type Setting, type SignedTransaction } from './setting.ts';

const quietRooms = 10;
const everyMs = 10;
const rounds = 3;
const secondsAlone = 1.5;
const secondsBeside = 1.5;
// What the server does not get done in less than `secondsBeside`.
const transactionsInRound = 90;
const eventsInTransaction = 50;
const transactionsAtOnce = 3;
const impatienceMs = 20;
const wholeTimeline = '{"room":{"timeline":{"limit":100}}}';
const newestEvent = '{"room":{"timeline":{"limit":1}}}';

/**
 * From the sending of an event to its arrival in a local sync, in ten rooms with 100 events a second: alone, and beside a flood, in turns,
 * so that both have the same share of whatever else the machine does.
 */
export async function measureFlood(): Promise<Row[]> {
  const setting = await startSetting(quietRooms + 1);
  let pourer: Pourer | undefined;
  try {
    const [alice, bob] = [await setting.person('alice'), await setting.person('bob')];
    const origin = (index: number): Setting['origins'][number] => setting.origins[index] as Setting['origins'][number];
    const joined = async (person: Person, server: number, name: string): Promise<GeneratedRoom> => {
      const room = new GeneratedRoom([origin(server)], 1, name);
      const via = encodeURIComponent(origin(server).name);
      await person.post(`/join/${encodeURIComponent(room.roomId)}?via=${via}`, {});
      return room;
    };
    const quiet: GeneratedRoom[] = [];
    for (let index = 0; index < quietRooms; index++) quiet.push(await joined(alice, index, `quiet ${index}`));
    const flooded = await joined(bob, quietRooms, 'flooded');
    for (const person of [alice, bob]) await person.syncs();

    let said = 0;
    const talk = (seconds: number): SignedTransaction[] =>
      Array.from({ length: (seconds * 1000) / everyMs }, () => {
        const index = said++ % quietRooms;
        return setting.sign(origin(index), [(quiet[index] as GeneratedRoom).message(0, `message ${said}`)]);
      });
    const flood = Array.from({ length: transactionsInRound * (rounds + 1) }, (_, turn) =>
      setting.sign(
        origin(quietRooms),
        Array.from({ length: eventsInTransaction }, (__, at) => flooded.message(0, `drop ${turn} ${at}`)),
      ),
    );
    const { baseUrl } = setting;
    pourer = new Pourer({ baseUrl, transactions: flood, atOnce: transactionsAtOnce, impatienceMs });

    const alone: number[] = [];
    const beside: number[] = [];
    const sum = { events: 0, refused: 0, lastedMs: 0, placedMs: 0, cpuMs: 0 };
    for (let round = 0; round <= rounds; round++) {
      const [before, during] = [talk(secondsAlone), talk(secondsBeside)];
      const timesAlone = await delays(setting, before, alice);
      const cpu = cpuOf([setting.pid]) ?? 0;
      const start = performance.now();
      const pouring = pourer.pour(transactionsInRound);
      const timesBeside = await delays(setting, during, alice);
      const poured = await pouring;
      const last = flood[transactionsInRound * (round + 1) - 1]?.eventIds.at(-1);
      while (!hasEvent(await bob.waitsForSync({ filter: newestEvent }), last));
      // The first round is for code that has never run.
      if (round === 0) continue;
      alone.push(...timesAlone);
      beside.push(...timesBeside);
      sum.events += transactionsInRound * eventsInTransaction;
      sum.refused += poured.refused;
      sum.lastedMs += poured.lastedMs;
      sum.placedMs += performance.now() - start;
      sum.cpuMs += (cpuOf([setting.pid]) ?? 0) - cpu;
    }
    const perSecond = (ms: number): number => Math.round((1000 * sum.events) / ms);
    const cpuUs = Math.round((1000 * sum.cpuMs) / (sum.events + beside.length));
    console.log(
      `The flood: ${perSecond(sum.lastedMs)} events taken a second, ${perSecond(sum.placedMs)} visible; ` +
        `${sum.refused} transactions refused; ${cpuUs} µs of CPU an event`,
    );
    return [rowOf('alone', alone), rowOf('beside the flood', beside)];
  } finally {
    await pourer?.stop();
    await setting.stop();
  }
}

function hasEvent(answer: unknown, wanted: string | undefined): boolean {
  return [...eventsIn(answer)].some((eventId) => eventId === wanted);
}

type Person = Awaited<ReturnType<Setting['person']>>;

/** Sends at an even pace whether answers come or not; milliseconds from each sending to the arrival. */
async function delays(setting: Setting, transactions: readonly SignedTransaction[], person: Person): Promise<number[]> {
  const sentAt = new Map<string, number>();
  const times: number[] = [];
  const sends: Promise<void>[] = [];
  const start = performance.now();
  let next = 0;
  const sendDue = (): void => {
    for (; next < transactions.length && performance.now() - start >= next * everyMs; next++) {
      const transaction = transactions[next] as SignedTransaction;
      sentAt.set(transaction.eventIds[0] as string, performance.now());
      sends.push(setting.handIn(transaction));
    }
    if (next < transactions.length) setTimeout(sendDue, 1);
  };
  sendDue();
  while (times.length < transactions.length) {
    const answer = await person.waitsForSync({ filter: wholeTimeline });
    const now = performance.now();
    for (const eventId of eventsIn(answer)) {
      const sent = sentAt.get(eventId);
      if (sent !== undefined) times.push(now - sent);
    }
  }
  await Promise.all(sends);
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
