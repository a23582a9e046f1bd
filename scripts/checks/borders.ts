// The borders of the code: who may import whom. docs/where-to-put-it.md says what belongs where.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import { conclude, filesBelow, root } from './source-files.ts';

/** The server's folders, lowest first: a folder imports only from itself and from those before it. This is the one list. */
const SERVER_LAYERS = ['config', 'platform', 'remote-servers', 'rooms', 'federation', 'features', 'modules', 'app'];

const SERVER = 'packages/server/src/';
const PACKAGES: Readonly<Record<string, string>> = {
  '@myelin/protocol': 'packages/protocol',
  '@myelin/server': 'packages/server/src',
  '@myelin/testing': 'packages/testing/src',
  '@myelin/module-api': 'packages/module-api/src',
};
/** Tests, and what stands beside them for them, may reach anywhere: they are not part of the program. */
const TEST = /\.(?:test|fixture)\.ts$|\/testing\/(?!src\/)/;

/** What the pure core may use besides itself: none of it does I/O, reads a clock or draws lots. */
const PROTOCOL_MAY_USE = /^(?:packages\/protocol\/.*|node:crypto|node:buffer|typebox(?:\/.*)?)$/;
/** `file → import` that a border would stop → why it may be. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'packages/protocol/identifiers/server-name.ts → node:net': 'isIPv4 and isIPv6 are functions of a string',
};

interface Import {
  readonly from: string;
  /** A path of the repository, `node:…`, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

/** The sentence that says why this import may not be, if it may not. */
function complaintAbout({ from, to }: Import): string | undefined {
  const isLocal = to.startsWith('packages/') || /^(?:tests|scripts|bench)\//.test(to);
  if (isLocal && !existsSync(join(root, to))) return 'it leads nowhere';
  if (to.endsWith('.test.ts'))
    return 'a test is run, not imported: put what tests share into a .fixture.ts or into packages/testing';
  if (TEST.test(from) || EXCEPTIONS[`${from} → ${to}`] !== undefined) return undefined;
  if (TEST.test(to) && !from.startsWith('bench/')) return 'a fixture is for tests and measurements only';
  if (from.startsWith('packages/protocol/')) return complaintAboutProtocol(to);
  if (from.startsWith(SERVER)) return complaintAboutServer(from.slice(SERVER.length), to);
  return undefined;
}

function complaintAboutProtocol(to: string): string | undefined {
  if (PROTOCOL_MAY_USE.test(to)) return undefined;
  if (to.startsWith('packages/')) return 'protocol stands below everything: what it needs is an argument';
  return 'protocol is pure, data in and data out: of Node it may use node:crypto and node:buffer, of packages typebox';
}

function complaintAboutServer(from: string, to: string): string | undefined {
  if (/^(?:packages\/testing|tests|scripts|bench)\//.test(to)) return 'the server runs without tests, scripts and benchmarks';
  if (!to.startsWith(SERVER)) return undefined;
  const target = to.slice(SERVER.length);
  const [fromLayer = '', fromFeature] = from.split('/');
  const [toLayer = '', toFeature] = target.split('/');
  if (fromLayer === 'migrations') {
    if (toLayer === 'migrations' || target.startsWith('platform/database/')) return undefined;
    return 'a migration must do the same for ever: it may use platform/database only';
  }
  const [rank, targetRank] = [SERVER_LAYERS.indexOf(fromLayer), SERVER_LAYERS.indexOf(toLayer)];
  // Above the list stand main.ts, the command line and migrations: they see everything, and nothing below sees them.
  if (rank >= 0 && rank < SERVER_LAYERS.length - 1 && targetRank < 0) return `nothing below app may use ${toLayer}`;
  if (rank >= 0 && targetRank > rank) {
    return `${fromLayer} stands below ${toLayer}: declare what it needs as an interface, and let app plug it in`;
  }
  if (
    fromLayer === 'features' &&
    toLayer === 'features' &&
    fromFeature !== toFeature &&
    !/^features\/(?:feature|[^/]+\/index)\.ts$/.test(target)
  ) {
    return `a feature uses what another offers in its index.ts, never its inside`;
  }
  return undefined;
}

function importsOf(from: string): Import[] {
  const text = readFileSync(join(root, from), 'utf8');
  const imports: Import[] = [];
  // `import … from`, `export … from` and `import '…'` at the start of a line; `import('…')` anywhere.
  const pattern = /^(?:import|export)\s+(type\s)?(?:[^;'"`]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;
  for (const [, type, fixed, dynamic] of text.matchAll(pattern)) {
    const specifier = fixed ?? dynamic;
    if (specifier !== undefined)
      imports.push({ from, to: resolve(from, specifier), typeOnly: type !== undefined || dynamic !== undefined });
  }
  return imports;
}

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(from), specifier));
  const name = specifier.split('/').slice(0, 2).join('/');
  const folder = PACKAGES[name];
  return folder === undefined ? specifier : join(folder, specifier.slice(name.length + 1), 'index.ts');
}

/** The first circle of imports found from each file, each circle once. What is only a type is gone when the program runs. */
function circles(imports: readonly Import[]): string[][] {
  const edges = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports) if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return found;
}

const imports = ['packages', 'scripts', 'bench', 'tests'].flatMap((folder) => filesBelow(folder, ['.ts'])).flatMap(importsOf);
const crossings = imports.flatMap((one) => {
  const why = complaintAbout(one);
  return why === undefined ? [] : [`${one.from} imports ${one.to}: ${why}.`];
});
const turns = circles(imports).map((circle) => `A circle, which cannot be understood one file at a time: ${circle.join(' → ')}`);
conclude([...crossings, ...turns]);
