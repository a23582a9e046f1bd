import { rmSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openDatabase, type DatabaseSettings, type Migration } from '@myelin/server/platform/database';

import type { TestDatabases } from './test-databases.ts';

/** One file with the schema for each list of migrations, made once by this process and then copied. */
const templates = new Map<readonly Migration[], Promise<string>>();
let directories = 0;

/** Files in a temporary folder, without fsync: each test gets a copy of one that has the schema. */
export const sqliteDatabases: TestDatabases = {
  label: 'SQLite',
  dialect: 'sqlite',
  async create(migrations) {
    let template = templates.get(migrations);
    if (template === undefined) templates.set(migrations, (template = makeTemplate(migrations)));
    const source = await template;
    const directory = await temporaryDirectory();
    const path = join(directory, 'homeserver.db');
    await copyFile(source, path);
    return { settings: settingsFor(path), remove: () => rm(directory, { recursive: true, force: true }) };
  },
};

async function makeTemplate(migrations: readonly Migration[]): Promise<string> {
  const directory = await temporaryDirectory();
  const path = join(directory, 'homeserver.db');
  const database = await openDatabase(settingsFor(path), migrations);
  await database.close();
  process.once('exit', () => {
    rmSync(directory, { recursive: true, force: true });
  });
  return path;
}

function settingsFor(path: string): DatabaseSettings {
  return { kind: 'sqlite', path, synchronous: 'off', keepWriterThread: true };
}

function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), `myelin-test-${directories++}-`));
}
