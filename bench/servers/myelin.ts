import { join } from 'node:path';

import type { BenchDatabase } from './bench-database.ts';
import type { Server } from './server.ts';
import { startServer } from './started-server.ts';

/** This checkout's Myelin, started as an operator does. `profiles`: where Node writes CPU profiles when it ends. */
export function startMyelin(database: BenchDatabase, profiles?: string): Promise<Server> {
  const program = join(import.meta.dirname, '..', '..', 'packages', 'server', 'bin', 'myelin.mjs');
  const profiling = profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` };
  return startServer({ name: 'Myelin', command: [process.execPath, program], database, environment: profiling });
}
