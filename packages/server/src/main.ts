import { enableCompileCache } from 'node:module';

// Before anything else is loaded: what is compiled once starts faster from then on.
enableCompileCache();

const afterStartMs = 1000;

const [{ run }, { processTerminal }, { systemClock }, { giveBackMemory }] = await Promise.all([
  import('./cli/run.ts'),
  import('./cli/terminal.ts'),
  import('./platform/clock.ts'),
  import('./platform/give-back-memory.ts'),
]);

process.exitCode = await run(process.argv.slice(2), {
  terminal: processTerminal,
  start: async (config, options) => {
    const server = await (await import('./app/index.ts')).startServer(config, options);
    // When what waited for the start has been answered.
    systemClock.schedule(afterStartMs, giveBackMemory);
    return server;
  },
  signals: process,
  uptime: () => process.uptime() * 1000,
  banner: process.stdout.isTTY,
});
// Whatever a forced end leaves open must not keep the process.
if (process.exitCode !== 0) process.exit();
