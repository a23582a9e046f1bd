import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

import type { Config } from '../config/index.ts';
import type { Terminal } from './terminal.ts';

/** Marks the process in the background, so that it does not go there once more. */
const marker = 'MYELIN_IN_BACKGROUND';

/** Whether this process is the one in the background. */
export function inBackground(): boolean {
  return process.env[marker] === '1';
}

/** Starts the same command in the background, waits until it serves or fails, and gives the exit code. */
export async function startInBackground(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const script = process.argv[1] ?? '';
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    detached: true,
    env: { ...process.env, [marker]: '1' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const report = await new Promise<string>((resolve) => {
    child.once('message', (message) => resolve(typeof message === 'string' ? message : 'it said nothing'));
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code) => resolve(`it ended with code ${String(code)}`));
  });
  if (report !== 'serving') {
    terminal.err(`Myelin cannot start: ${report}`);
    return 1;
  }
  child.disconnect();
  child.unref();
  terminal.out(`Myelin serves ${config.server_name} in the background (process ${child.pid}).`);
  return 0;
}

/** Tells whoever started this process in the background how the start went. */
export function reportToForeground(message: string): void {
  if (process.connected) process.send?.(message);
}

/** Writes this process's id to `path`; the function that is given back takes the file away again, if it is still ours. */
export function writePidFile(path: string): () => void {
  const id = `${process.pid}\n`;
  writeFileSync(path, id);
  return () => {
    if (existsSync(path) && readFileSync(path, 'utf8') === id) rmSync(path);
  };
}
