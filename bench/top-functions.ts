/**
 * Where the time goes, from the CPU profiles that `--cpu-prof DIR` leaves: a thread a file; the functions that took most of the time by
 * themselves, those that took most with all that they call, and the folders.
 * Run: `node scripts/run.mjs bench/top-functions.ts DIR/*.cpuprofile`.
 */
import { readFileSync } from 'node:fs';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const rowsShown = 25;
/** What is no work of the process. */
const waiting = new Set(['(idle)', '(root)']);

for (const path of process.argv.slice(2)) show(path, JSON.parse(readFileSync(path, 'utf8')) as Profile);

function show(path: string, { nodes, samples, timeDeltas }: Profile): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id] as const)));
  const own = new Map<string, number>();
  const inclusive = new Map<string, number>();
  const folders = new Map<string, number>();
  let busy = 0;
  for (const [index, sample] of samples.entries()) {
    const node = byId.get(sample);
    const elapsed = timeDeltas[index] ?? 0;
    if (!node || waiting.has(node.callFrame.functionName)) continue;
    busy += elapsed;
    add(own, nameOf(node), elapsed);
    add(folders, folderOf(node), elapsed);
    const seen = new Set<string>();
    for (let at: ProfileNode | undefined = node; at; at = byId.get(parents.get(at.id) ?? -1)) seen.add(nameOf(at));
    for (const name of seen) add(inclusive, name, elapsed);
  }
  console.log(`\n${path}: ${(busy / 1000).toFixed(0)} ms of work`);
  for (const [title, times] of [
    ['by themselves', own],
    ['with what they call', inclusive],
    ['folders', folders],
  ] as const) {
    console.log(`\n  ${title}`);
    const sorted = [...times].filter(([name]) => !waiting.has(name)).sort(([, a], [, b]) => b - a);
    for (const [name, time] of sorted.slice(0, rowsShown))
      console.log(`  ${((100 * time) / busy).toFixed(1).padStart(6)} %  ${name}`);
  }
}

function add(times: Map<string, number>, name: string, elapsed: number): void {
  times.set(name, (times.get(name) ?? 0) + elapsed);
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name}  ${shortened(url)}:${lineNumber + 1}`;
}

function folderOf({ callFrame: { functionName, url } }: ProfileNode): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'built into the engine';
  const short = shortened(url);
  const depth = short.startsWith('node_modules/@') ? 3 : short.startsWith('packages/server/src/') ? 5 : 2;
  return short.startsWith('node:') ? short : short.split('/').slice(0, depth).join('/');
}

function shortened(url: string): string {
  return url.replace(/^file:\/\/.*?\/(?=packages\/|node_modules\/)/, '');
}
