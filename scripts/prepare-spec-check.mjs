// Where the spec's files stand beside the project, tests hold every answer against them: makes a copy of the tool that does, with what
// it needs. On other machines there is nothing to do.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';

import { projectEnvironment, root } from './install-missing.mjs';

/** Copies the tool `spec-check` and installs its packages, once. Says so where that cannot be done; the tests run without it then. */
export function prepareSpecCheck() {
  const source = join(process.env.MYELIN_SHARED ?? join(root, '..', 'shared'), 'tools', 'spec-check');
  const copy = join(root, 'node_modules', '.cache', 'spec-check');
  if (!existsSync(source) || existsSync(join(copy, 'node_modules', 'ajv'))) return;
  cpSync(source, copy, { recursive: true });
  const { status } = spawnSync('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund'], {
    cwd: copy,
    env: projectEnvironment(),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) console.error('The packages of spec-check could not be installed: answers are not held against the spec.');
}
