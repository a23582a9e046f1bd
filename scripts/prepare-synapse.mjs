// Tests of federation talk to a real Synapse: it comes from PyPI, into a virtual environment in the user's cache folder, once.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { projectEnvironment, projectNode, root } from './install-missing.mjs';

/** Installs Synapse unless it is there. Where it cannot be had, says why; the tests that need it are skipped then. */
export function prepareSynapse() {
  const script = join(root, 'packages', 'testing', 'src', 'synapse', 'install.ts');
  spawnSync(projectNode(), [script], { env: projectEnvironment(), stdio: ['ignore', 'inherit', 'inherit'] });
}
