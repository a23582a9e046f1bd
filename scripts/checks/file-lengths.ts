// A file over 400 lines, or a folder over 15 files, wants a reason: here is the list of those that have one.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { conclude, filesBelow, root } from './source-files.ts';

const MAX_LINES = 400;
const MAX_FILES = 15;

/** Path of a file or a folder → why it may be larger. */
const REASONS: Readonly<Record<string, string>> = {
  'packages/server/src/migrations': 'one file for each step of the schema, in order',
  'packages/protocol/api/federation': 'one file for each topic of the server-server API, found by its name',
  'packages/protocol/api/client': 'one file for each topic of the client-server API, found by its name',
};

const files = ['packages', 'scripts', 'bench', 'tests'].flatMap((folder) => filesBelow(folder, ['.ts', '.mjs']));
const tooLong = files.flatMap((path) => {
  const lines = readFileSync(join(root, path), 'utf8').split('\n').length - 1;
  return lines > MAX_LINES && REASONS[path] === undefined
    ? [`${path} has ${lines} lines (${MAX_LINES}): divide it, or give a reason in scripts/checks/file-lengths.ts.`]
    : [];
});

const folders = new Map<string, number>();
for (const path of files) {
  // Tests stand beside what they test: they do not make a folder harder to survey.
  if (!/\.(?:test|fixture)\.ts$/.test(path)) folders.set(dirname(path), (folders.get(dirname(path)) ?? 0) + 1);
}
const tooFull = [...folders].flatMap(([path, count]) =>
  count > MAX_FILES && REASONS[path] === undefined
    ? [`${path} holds ${count} files (${MAX_FILES}): divide it, or give a reason in scripts/checks/file-lengths.ts.`]
    : [],
);
const idle = Object.keys(REASONS).filter((path) => !files.includes(path) && !folders.has(path));
conclude([...tooLong, ...tooFull, ...idle.map((path) => `${path} has a reason for its size but is not there.`)]);
