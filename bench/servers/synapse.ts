import { installSynapse } from '@myelin/testing/synapse';

import type { BenchDatabase } from './bench-database.ts';
import type { Server } from './server.ts';
import { startServer } from './started-server.ts';

/** A real Synapse, run by Python as its documentation has it. Throws a sentence when it cannot be installed. */
export async function startSynapse(database: BenchDatabase, version: string): Promise<Server> {
  const python = installSynapse(version);
  return startServer({ name: `Synapse ${version}`, command: [python, '-m', 'synapse.app.homeserver'], database });
}
