import type { Measurement } from '../scenario.ts';
import { cpuOf, machineCpuMs, mainThreadCpuOf } from '../servers/process-usage.ts';
import type { Server } from '../servers/server.ts';

/** What some work took, of time and of processors. */
export interface Metered {
  readonly operations: number;
  readonly seconds: number;
  /** Of the server's processes; undefined when they are elsewhere. */
  readonly cpuMs: number | undefined;
  /** What of it the main thread took. */
  readonly mainThreadMs: number | undefined;
  readonly databaseCpuMs: number | undefined;
  readonly notes: readonly string[];
}

const busyGenerator = 0.9;
const noticeableOthers = 0.25;
// Anything shorter is mostly the ticks in which Linux counts.
const shortestForCpu = 0.2;

/** Does `work`, which tells how many operations it was, and measures the server meanwhile. */
export async function metered(server: Server, work: () => Promise<number>): Promise<Metered> {
  const before = usage(server);
  const operations = await work();
  const after = usage(server);
  const elapsedMs = after.at - before.at;
  const cpuMs = difference(before.server, after.server);
  const mainThreadMs = difference(before.mainThread, after.mainThread);
  const databaseCpuMs = difference(before.database, after.database);
  const generatorMs = after.generator - before.generator;
  const othersMs = after.machine - before.machine - generatorMs - (cpuMs ?? 0) - (databaseCpuMs ?? 0);
  const notes: string[] = [];
  if (elapsedMs > shortestForCpu * 1000) {
    if (generatorMs > busyGenerator * elapsedMs)
      notes.push(`the load generator was the bottleneck (${share(generatorMs, elapsedMs)} of a core)`);
    // Of a server elsewhere we cannot know what of this is its own.
    if (cpuMs !== undefined && othersMs > noticeableOthers * elapsedMs)
      notes.push(`other programs used ${share(othersMs, elapsedMs)} of a core meanwhile`);
  }
  return { operations, seconds: elapsedMs / 1000, cpuMs, mainThreadMs, databaseCpuMs, notes };
}

/** The lines that say what an operation cost the server's processors. */
export function cpuRows({ operations, cpuMs, mainThreadMs, databaseCpuMs }: Metered, operation: string): Measurement[] {
  const row = (what: string, ms: number | undefined): Measurement[] =>
    ms === undefined || operations === 0 ? [] : [{ what: `  ${what}`, value: ms / operations, unit: 'ms', better: 'less' }];
  return [
    ...row(`server CPU ${operation}`, cpuMs),
    ...row('  of it the main thread', mainThreadMs),
    ...row(`database CPU ${operation}`, databaseCpuMs),
  ];
}

function usage(server: Server) {
  const { user, system } = process.cpuUsage();
  return {
    at: performance.now(),
    server: cpuOf(server.processes()),
    mainThread: mainThreadCpuOf(server.processes()),
    database: cpuOf(server.databaseProcesses()),
    generator: (user + system) / 1000,
    machine: machineCpuMs(),
  };
}

function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

function share(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}
