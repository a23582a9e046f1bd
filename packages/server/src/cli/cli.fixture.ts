import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

import type { Config } from '../config/index.ts';
import { run } from './run.ts';
import type { RunNeeds } from './run.ts';
import type { RunningServer } from './serve.ts';
import type { Terminal } from './terminal.ts';

/** A directory that is gone after the tests of the file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'cli-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Someone at a terminal who has an answer to every question, or a program that pipes `input` in. */
export function someone(says: { answers?: readonly string[]; input?: string } = {}) {
  const said: string[] = [];
  const complained: string[] = [];
  const asked: string[] = [];
  const answers = [...(says.answers ?? [])];
  const answer = (question: string): Promise<string> => {
    asked.push(question);
    return Promise.resolve(answers.shift() ?? '');
  };
  const terminal: Terminal = {
    interactive: says.answers !== undefined,
    out: (line) => void said.push(line),
    err: (line) => void complained.push(line),
    ask: answer,
    askSecret: answer,
    input: () => Promise.resolve(says.input ?? ''),
  };
  return { terminal, said, complained, asked };
}

/** A server that only notes what is done with it. */
export function pretendedServer() {
  const events: string[] = [];
  const signals = new EventEmitter();
  const { promise: started, resolve } = Promise.withResolvers<Config>();
  const server: RunningServer = {
    addresses: ['http://127.0.0.1:8008'],
    stop: () => Promise.resolve(void events.push('stop')),
    reload: () => Promise.resolve(void events.push('reload')),
  };
  const start: RunNeeds['start'] = (config) => {
    resolve(config);
    return Promise.resolve(server);
  };
  return { start, signals, send: (name: string) => signals.emit(name), events, started, server };
}

/** Runs the program as typed, by someone, and gives the exit code. */
export function type(line: readonly string[], by: Terminal, needs: Partial<RunNeeds> = {}): Promise<number> {
  const { start, signals } = pretendedServer();
  return run(line, { terminal: by, start, signals, uptime: () => 123.4, banner: true, ...needs });
}
