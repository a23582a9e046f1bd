import { enableCompileCache } from 'node:module';

// Before anything else is loaded: what is compiled once starts faster from then on.
enableCompileCache();

const [{ run }, { processTerminal }] = await Promise.all([import('./cli/run.ts'), import('./cli/terminal.ts')]);

process.exitCode = await run(process.argv.slice(2), {
  terminal: processTerminal,
  start: async (config, options) => (await import('./app/index.ts')).startServer(config, options),
  signals: process,
  uptime: () => process.uptime() * 1000,
  banner: process.stdout.isTTY,
});
// Whatever a forced end leaves open must not keep the process.
if (process.exitCode !== 0) process.exit();
