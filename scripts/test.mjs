// npm test [-- part of a path …]: runs every *.test.ts, or those whose path contains one of the arguments.
// Runs on any Node from 18 on, installs what is missing, and ends with the line `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';

import { installMissing, projectEnvironment, projectNode, root } from './install-missing.mjs';
import { prepareSpecCheck } from './prepare-spec-check.mjs';
import { prepareSynapse } from './prepare-synapse.mjs';

const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
// A test that hangs must end the run some time: no single test is that slow.
const TEST_TIMEOUT_MS = 300_000;

installMissing();
prepareSpecCheck();
const files = ['packages', 'tests'].flatMap((folder) => testFiles(folder)).filter(isWanted);
if (files.some((path) => path.startsWith('tests/federation-synapse/'))) prepareSynapse();
const reports = mkdtempSync(join(tmpdir(), 'myelin-tests-'));
const startedAt = performance.now();
const outcomes = [];
let groupCount = 0;
try {
  for (const groups of plan(files)) outcomes.push(...(await Promise.all(groups.map(runGroup))).flat());
} finally {
  rmSync(reports, { recursive: true, force: true });
}
printReport(outcomes);

function testFiles(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testFiles(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

function isWanted(path) {
  return filters.length === 0 || filters.some((filter) => path.includes(filter.replace(/^\.\//, '')));
}

/** What runs at the same time, round by round. */
function plan(paths) {
  const processes = Math.min(availableParallelism(), 4);
  const pure = paths.filter((path) => path.startsWith('packages/protocol/'));
  const server = paths.filter((path) => path.startsWith('packages/') && !path.startsWith('packages/protocol/'));
  const whole = paths.filter((path) => path.startsWith('tests/'));
  const shares = Array.from({ length: processes }, (_, share) => server.filter((_path, index) => index % processes === share));
  return [
    // Pure functions share a process: starting one costs more than all their tests.
    [{ paths: pure, isolated: false }],
    shares.map((share) => ({ paths: share, isolated: false })),
    // Whole servers measure time and are killed: each file has a process, and the machine, to itself.
    [{ paths: whole, isolated: true }],
  ].map((groups) => groups.filter(({ paths: some }) => some.length > 0));
}

function runGroup({ paths, isolated }) {
  const report = join(reports, `${groupCount++}.jsonl`);
  const args = [
    '--test',
    `--test-isolation=${isolated ? 'process' : 'none'}`,
    // Clients of others leave timers behind; what they hold open must not hold up the run.
    ...(isolated ? ['--test-concurrency=1', '--test-force-exit'] : []),
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    `--test-reporter=${join(root, 'scripts', 'test-reporter.mjs')}`,
    `--test-reporter-destination=${report}`,
    ...paths,
  ];
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(projectNode(), args, { cwd: root, env: projectEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => (output += error.message));
    child.on('close', (code, signal) => {
      const lines = existsSync(report) ? readFileSync(report, 'utf8').split('\n').filter(Boolean) : [];
      const ended = lines.map((line) => JSON.parse(line));
      const failed = ended.filter(({ outcome }) => outcome === 'failed');
      if (code !== 0 && failed.length === 0) {
        const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
        ended.push({
          outcome: 'failed',
          name: `the process of ${paths.length} files ${how}`,
          file: paths.join(', '),
          detail: output.slice(-8000),
        });
      } else if (failed.length > 0 && output.trim() !== '') {
        console.log(`Output of the tests:\n${output.slice(-8000)}`);
      }
      resolve(ended);
    });
  });
}

function printReport(ended) {
  const of = (outcome) => ended.filter((test) => test.outcome === outcome);
  for (const { name, detail } of of('skipped')) console.log(`skipped: ${name}${detail ? ` (${detail})` : ''}`);
  for (const { name, file, detail } of of('failed')) {
    console.log(
      `\nFAILED: ${name}\n  in ${file ? relative(root, file) : 'an unknown file'}\n    ${String(detail).replaceAll('\n', '\n    ')}`,
    );
  }
  if (files.length === 0) console.log(`No test file matches ${filters.join(', ')}.`);
  console.log(`\n${files.length} files in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  console.log(`${of('passed').length} passed, ${of('failed').length} failed, ${of('skipped').length} skipped`);
  process.exitCode = of('failed').length > 0 || files.length === 0 ? 1 : 0;
}
