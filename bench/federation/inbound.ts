import { cpuOf, mainThreadCpuOf } from '../servers/process-usage.ts';
import { GeneratedRoom, type GeneratedEvent } from './generated-room.ts';
import type { Row } from './joins.ts';
import { eventsIn, startSetting } from './setting.ts';

const origins = 50;
const rooms = 10;
const transactionsInRoom = 20;
const eventsInTransaction = 20;

interface Transaction {
  readonly origin: number;
  readonly events: readonly GeneratedEvent[];
}

/**
 * Events a second from 50 servers in ten rooms: five servers take turns in each, one transaction after another, the rooms side by side.
 * Of twenty events one is never sent, and has to be asked for. One more server is in every room and is gone; somebody of ours talks
 * in all rooms meanwhile, so that there is something for it. The clock stops when the last event is in a local sync.
 */
export async function measureInbound(): Promise<Row[]> {
  const setting = await startSetting(origins + 1);
  try {
    const alice = await setting.person('alice');
    const dead = setting.origins[origins];
    if (!dead) throw new Error('a server is missing');
    const made = Array.from({ length: rooms }, (_, index) => {
      const living = setting.origins.slice(index * (origins / rooms), (index + 1) * (origins / rooms));
      return new GeneratedRoom([...living, dead], living.length + 1, `room ${index}`);
    });
    for (const [index, room] of made.entries()) {
      const via = setting.origins[index * (origins / rooms)]?.name ?? '';
      await alice.post(`/join/${encodeURIComponent(room.roomId)}?via=${encodeURIComponent(via)}`, {});
    }
    await dead.stop();
    await alice.syncs();

    const plans = made.map((room, index) =>
      plan(room, index).map(({ origin, events }) => setting.sign(setting.origins[origin] ?? dead, events)),
    );
    const last = new Set(plans.map((transactions) => transactions.at(-1)?.eventIds.at(-1)));
    const sent = plans.flat().reduce((sum, { eventIds }) => sum + eventIds.length, 0);
    const withheld = rooms * transactionsInRoom * eventsInTransaction - sent;
    const cpu = cpuOf([setting.pid]) ?? 0;
    const mainCpu = mainThreadCpuOf([setting.pid]) ?? 0;
    const start = performance.now();
    const sending = Promise.all(
      plans.map(async (transactions) => {
        for (const transaction of transactions) await setting.handIn(transaction);
        return performance.now() - start;
      }),
    );
    const talking = Promise.all(made.map((room) => alice.says('hello, you who are gone', room.roomId)));
    while (last.size > 0) for (const eventId of eventsIn(await alice.waitsForSync())) last.delete(eventId);
    const elapsed = performance.now() - start;
    const answered = Math.max(...(await sending));
    await talking;
    const all = sent + withheld;
    return [
      {
        'events sent': sent,
        'asked for': withheld,
        'all answered after ms': Math.round(answered),
        'all visible after ms': Math.round(elapsed),
        'events a second': Math.round((1000 * all) / elapsed),
        "server's CPU µs an event": Math.round((1000 * ((cpuOf([setting.pid]) ?? 0) - cpu)) / all),
        'main thread µs': Math.round((1000 * ((mainThreadCpuOf([setting.pid]) ?? 0) - mainCpu)) / all),
      },
    ];
  } finally {
    await setting.stop();
  }
}

/** What one room's servers send in turns, without every twentieth event: never the last of a transaction. */
function plan(room: GeneratedRoom, index: number): Transaction[] {
  const servers = origins / rooms;
  return Array.from({ length: transactionsInRoom }, (_, turn) => {
    const events = Array.from({ length: eventsInTransaction }, (__, at) => room.message(turn % servers, `message ${turn} ${at}`));
    return { origin: index * servers + (turn % servers), events: events.filter((___, at) => at !== eventsInTransaction / 2) };
  });
}
