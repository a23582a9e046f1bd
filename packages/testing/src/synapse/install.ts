// Run by `npm test` before its first test: what Synapse needs is there, or one line says why it is not.
import { installSynapse } from './installed-synapse.ts';

try {
  installSynapse();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
