// npm run check: types, lint, format, borders, file lengths, docs. Runs all of them and says which failed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { installMissing, projectEnvironment, projectNode, root } from './install-missing.mjs';

const bin = (name) => join(root, 'node_modules', '.bin', name);

const CHECKS = [
  ['types', bin('tsc'), ['--noEmit', '-p', '.']],
  ['lint', bin('oxlint'), ['--type-aware', '--max-warnings', '0']],
  ['format', bin('oxfmt'), ['--check']],
  ['borders', projectNode, ['scripts/checks/borders.ts']],
  ['file lengths', projectNode, ['scripts/checks/file-lengths.ts']],
  ['docs', projectNode, ['scripts/checks/docs.ts']],
];

installMissing();
const wanted = process.argv.slice(2);
const failed = [];
for (const [name, program, args] of CHECKS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const command = typeof program === 'function' ? program() : program;
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env: projectEnvironment(),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${String(name)}`);
  if (status === 0) continue;
  failed.push(name);
  console.log(`${stdout ?? ''}${stderr ?? ''}`);
}
console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
