// Runs on any Node from 18 on: it is what finds the Node that the rest of the project runs on.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Node that the lockfile pins. On machines for which it has none, the one that runs now. */
export function projectNode() {
  // Not every npm links it into .bin.
  const packages = join(root, 'node_modules');
  const places = [join(packages, `node-linux-${process.arch}`, 'bin', 'node'), join(packages, '.bin', 'node')];
  const pinned = places.find((path) => existsSync(path));
  if (pinned !== undefined) return pinned;
  const [major] = process.versions.node.split('.');
  if (Number(major) >= 24) return process.execPath;
  throw new Error(`Myelin needs Node 24 or newer; this is ${process.version}, and no other was installed for this machine`);
}

/** The environment for children: the project's Node comes first, and its compiled code is kept between runs. */
export function projectEnvironment() {
  const path = [dirname(projectNode()), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(':');
  return { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'), ...process.env, PATH: path };
}

/** Makes `node_modules` what the lockfile says, if it is not. Ends the process with npm's code when that fails. */
export function installMissing() {
  if (isInstalled()) return;
  console.error('Installing what package-lock.json lists (npm ci) …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
}

// By content, not by date: a fresh checkout makes every file new.
function isInstalled() {
  const installedPath = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedPath)) return false;
  const { packages: wanted } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const { packages: installed } = JSON.parse(readFileSync(installedPath, 'utf8'));
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional, link }]) =>
      !path.startsWith('node_modules/') || optional || devOptional || link || installed[path]?.version === version,
  );
}
