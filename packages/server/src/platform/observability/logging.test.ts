import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

import { createTestClock } from '../clock.ts';
import { createLogging } from './index.ts';

const NOVEMBER_20 = Date.UTC(2026, 10, 20, 12);
const DAY_MS = 24 * 3600 * 1000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'myelin-log-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('each logger has the level of its name, each output its own', async () => {
  const all = join(folder, 'logs', 'all.log');
  const errors = join(folder, 'errors.log');
  const logging = createLogging(
    {
      level: 'info',
      loggers: { 'myelin.http': 'warn', 'myelin.storage': 'debug' },
      outputs: [
        { kind: 'file', path: all, format: 'text' },
        { kind: 'file', path: errors, format: 'json', level: 'error' },
      ],
    },
    createTestClock(NOVEMBER_20),
  );
  logging.logger.debug('hidden');
  logging.named('myelin.http.requests').info('hidden too');
  logging.named('myelin.storage.sql').debug({ rows: 3, note: 'two words' }, 'read');
  logging.logger.error({ err: new Error('disk full') }, 'cannot write');
  logging.close();
  const text = (await readFile(all, 'utf8')).split('\n');
  assert.equal(text[0], '2026-11-20 12:00:00.000 DEBUG myelin.storage.sql read rows=3 note="two words"');
  assert.equal(text[1], '2026-11-20 12:00:00.000 ERROR cannot write');
  assert.equal(text[2], '    Error: disk full');
  const line = JSON.parse(await readFile(errors, 'utf8')) as { level: string; err: { message: string } };
  assert.equal(line.level, 'error');
  assert.equal(line.err.message, 'disk full');
});

test('levels are changed for loggers that are there already', async () => {
  const path = join(folder, 'all.log');
  const output = { kind: 'file', path, format: 'text' } as const;
  const logging = createLogging({ level: 'info', loggers: { 'myelin.http': 'warn' }, outputs: [output] }, createTestClock());
  const [http, rooms] = [logging.named('myelin.http'), logging.named('myelin.rooms')];
  logging.setLevels({ level: 'error', loggers: { 'myelin.http': 'debug' } });
  http.debug('is told now');
  rooms.info('is told no more');
  logging.named('myelin.rooms.state').info('neither');
  logging.logger.warn('nor the root');
  logging.close();
  assert.match(await readFile(path, 'utf8'), /^\S+ \S+ DEBUG myelin.http is told now\n$/);
});

test('a file is put away by size', async () => {
  const path = join(folder, 'main.log');
  const clock = createTestClock(NOVEMBER_20);
  const output = { kind: 'file', path, format: 'json', rotation: { by: 'size', maxBytes: 150, keep: 2 } } as const;
  const logging = createLogging({ level: 'info', outputs: [output] }, clock);
  for (let i = 0; i < 9; i++) logging.logger.info({ i }, 'a line of some length, of which two fit into a file');
  logging.close();
  assert.deepEqual((await readdir(folder)).sort(), ['main.log', 'main.log.1', 'main.log.2']);
  assert.match(await readFile(path, 'utf8'), /"i":8/);
});

test('a file is put away at midnight', async () => {
  const path = join(folder, 'main.log');
  const clock = createTestClock(NOVEMBER_20);
  const output = { kind: 'file', path, format: 'json', rotation: { by: 'day', keep: 2 } } as const;
  const logging = createLogging({ level: 'info', outputs: [output] }, clock);
  for (let day = 0; day < 5; day++) {
    logging.logger.info({ day }, 'another day');
    clock.advance(DAY_MS);
  }
  logging.close();
  assert.deepEqual((await readdir(folder)).sort(), ['main.log', 'main.log.2026-11-22', 'main.log.2026-11-23']);
  assert.match(await readFile(`${path}.2026-11-23`, 'utf8'), /"day":3/);
});
