// node scripts/run.mjs <script.ts> [arguments]: runs a script on the project's Node, from any Node from 18 on.
import { spawn } from 'node:child_process';

import { installMissing, projectEnvironment, projectNode } from './install-missing.mjs';

const [script, ...args] = process.argv.slice(2);
if (!script) {
  console.error('usage: node scripts/run.mjs <script.ts> [arguments]');
  process.exit(2);
}

installMissing();
const child = spawn(projectNode(), [script, ...args], { stdio: 'inherit', env: projectEnvironment() });
// The child decides how to end; this process only tells it and waits.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
