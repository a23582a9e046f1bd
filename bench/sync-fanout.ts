/**
 * What `/sync` costs where it matters: one message in a room that 500 people wait for, and the first sync of somebody in 200 rooms.
 * One process on SQLite, spoken to over HTTP by itself, so the time of 500 clients is in it.
 * Run: `node bench/sync-fanout.ts` (about ten seconds).
 */
import { TestHomeserver, type Person } from '@myelin/testing';

const readers = 500;
const roomsOfOne = 200;
const rounds = 12;

// Without presence: 500 people who come online at once are news for each other, and another measurement.
const config = { presence: { enabled: false }, caches: { sync_response_cache_duration: 0 } };
const homeserver = await TestHomeserver.start({ config });
try {
  console.table([await measureFanOut(), await measureFirstSync()]);
} finally {
  await homeserver.stop();
}

/** Milliseconds from the send until the last of the parked syncs is answered, and the process's CPU for each answer. */
async function measureFanOut(): Promise<Record<string, string | number>> {
  const alice = await homeserver.person('alice');
  const room = await alice.createsRoom({ preset: 'public_chat', name: 'Square' });
  const people: Person[] = [];
  for (let index = 0; index < readers; index++) {
    const person = await homeserver.person('reader');
    await person.joins(room);
    people.push(person);
  }
  for (const person of people) await person.syncs();
  const { notifier } = homeserver.server.needs;
  const times: number[] = [];
  let cpu = 0;
  for (let round = 0; round < rounds; round++) {
    const answers = Promise.all(people.map((person) => person.waitsForSync()));
    while (notifier.waiting < readers) await new Promise((resolve) => setTimeout(resolve, 5));
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    await alice.says(`round ${round}`, room);
    await answers;
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(cpuBefore);
    cpu += user + system;
  }
  const warm = times.slice(2).sort((a, b) => a - b);
  return {
    what: `one message, ${readers} parked syncs`,
    'median ms': Math.round(warm[Math.floor(warm.length / 2)] ?? 0),
    'worst ms': Math.round(warm.at(-1) ?? 0),
    'CPU µs an answer, client included': Math.round(cpu / rounds / readers),
  };
}

/** Milliseconds of a first sync of 200 rooms with 20 messages each. */
async function measureFirstSync(): Promise<Record<string, string | number>> {
  const bob = await homeserver.person('bob');
  for (let index = 0; index < roomsOfOne; index++) {
    const room = await bob.createsRoom({ name: `Room ${index}` });
    for (let message = 0; message < 20; message++) await bob.says(`message ${message}`, room);
  }
  await homeserver.restart();
  const coldStart = performance.now();
  await bob.get('/sync', { timeout: 0 });
  const cold = performance.now() - coldStart;
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    await bob.get('/sync', { timeout: 0 });
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return {
    what: `first sync of ${roomsOfOne} rooms`,
    'median ms': Math.round(times[2] ?? 0),
    'worst ms': Math.round(times.at(-1) ?? 0),
    'after a restart ms': Math.round(cold),
  };
}
