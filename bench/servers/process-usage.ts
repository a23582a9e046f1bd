import { readdirSync, readFileSync } from 'node:fs';

// Linux counts in USER_HZ, which is 100 on every machine that Node has binaries for.
const msPerTick = 10;
const kibibyte = 1024;

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

/** CPU milliseconds that these processes, their threads and all their descendants have used; undefined when none is there. */
export function cpuOf(roots: readonly number[]): number | undefined {
  const processes = treesOf(roots);
  if (processes.length === 0) return undefined;
  return processes.reduce((sum, { ticks }) => sum + ticks, 0) * msPerTick;
}

/** CPU milliseconds that the main threads of these processes have used: what one core sets a bound to, in Node as in Python. */
export function mainThreadCpuOf(roots: readonly number[]): number | undefined {
  const threads = roots.map((pid) => statOf(`${pid}/task/${pid}`)).filter((stat) => stat !== undefined);
  if (threads.length === 0) return undefined;
  return threads.reduce((sum, { ticks }) => sum + ticks, 0) * msPerTick;
}

/** Resident memory of these processes and their descendants, in bytes; undefined when none is there. */
export function memoryOf(roots: readonly number[]): number | undefined {
  const processes = treesOf(roots);
  if (processes.length === 0) return undefined;
  const residents = processes.map(({ pid }) => Number(/^VmRSS:\s+(\d+)/m.exec(readProc(`${pid}/status`) ?? '')?.[1] ?? 0));
  return residents.reduce((sum, resident) => sum + resident, 0) * kibibyte;
}

/** CPU milliseconds that the whole machine has used. */
export function machineCpuMs(): number {
  const fields =
    /^cpu +(.*)$/m
      .exec(readProc('stat') ?? '')?.[1]
      ?.split(' ')
      .map(Number) ?? [];
  // user, nice, system, idle, iowait, irq, softirq; guest time is in user already, and what is stolen nobody here used.
  const used = fields.slice(0, 7).reduce((sum, ticks) => sum + ticks, 0) - (fields[3] ?? 0) - (fields[4] ?? 0);
  return used * msPerTick;
}

function treesOf(roots: readonly number[]): ProcessStat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statOf)
    .filter((stat) => stat !== undefined);
  const found = new Set(roots);
  // Parents may come after their children, so until nothing more is found.
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid));
}

/** https://www.kernel.org/doc/html/latest/filesystems/proc.html, table 1-4. The program's name may hold blanks and brackets. */
function statOf(path: string): ProcessStat | undefined {
  const text = readProc(`${path}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

/** Undefined when the process has ended meanwhile. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  }
}
