import { existsSync } from 'node:fs';

import { loadConfig } from '../config/index.ts';
import type { Config } from '../config/index.ts';
import type { ServerArguments } from './server-arguments.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** A server that runs. */
export interface RunningServer {
  /** Where it listens: URLs, or paths of UNIX sockets. */
  readonly addresses: readonly string[];
  /** Answers what is under way, writes what is to be written, closes everything. */
  stop(): Promise<void>;
  /** Opens log files anew and reads the log configuration and the certificate of TLS listeners again. */
  reload(): Promise<void>;
}

type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

/** Where signals arrive. */
export interface Signals {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

/** What serving needs from outside. */
export interface ServeNeeds {
  readonly terminal: Terminal;
  readonly start: (config: Config, options: { readonly warnings: readonly string[] }) => Promise<RunningServer>;
  /** Signals arrive here: the process, in tests something that emits. */
  readonly signals: Signals;
  /** Milliseconds since the process began. */
  readonly uptime: () => number;
  readonly version: string;
  readonly banner: boolean;
}

/** Reads the configuration that the arguments name. Throws a `UsageError` or a `ConfigError`. */
export function configOf(args: ServerArguments): ReturnType<typeof loadConfig> {
  const paths = args.configPaths;
  if (paths.length === 0) {
    const hint = existsSync('homeserver.yaml')
      ? 'Which configuration? Name it: myelin -c homeserver.yaml.'
      : 'There is no configuration. Write one: myelin --generate-config -c homeserver.yaml -H example.com.';
    throw new UsageError(hint);
  }
  const keysDirectory = args.keysDirectory ?? args.configDirectory;
  return loadConfig(paths, {
    environment: process.env,
    ...(keysDirectory === undefined ? {} : { keysDirectory }),
    ...(args.dataDirectory === undefined ? {} : { dataDirectory: args.dataDirectory }),
  });
}

/** Serves until SIGTERM or SIGINT, and then ends in order; a second of them ends at once. Gives the exit code. */
export async function serve({ config, warnings }: ReturnType<typeof loadConfig>, needs: ServeNeeds): Promise<number> {
  const { terminal, signals } = needs;
  for (const warning of warnings) terminal.err(`Warning: ${warning}`);
  // Listened to before the start, so that an early signal is not lost.
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  const { promise: toldAgain, resolve: tellAgain } = Promise.withResolvers<void>();
  let signalled = false;
  const onEnd = () => {
    if (signalled) tellAgain();
    signalled = true;
    tell();
  };
  const ends = ['SIGTERM', 'SIGINT'] as const;
  for (const signal of ends) signals.on(signal, onEnd);
  // Without a listener, SIGHUP would end the process while it starts.
  let reload = () => {};
  const onHangUp = () => reload();
  signals.on('SIGHUP', onHangUp);
  try {
    const server = await needs.start(config, { warnings });
    reload = () =>
      void server
        .reload()
        .catch((error: unknown) => terminal.err(`The configuration could not be read again: ${sentence(error)}`));
    if (needs.banner) terminal.out(bannerOf(config, server.addresses, needs));
    await told;
    const forced = Symbol('forced');
    const outcome = await Promise.race([server.stop(), toldAgain.then(() => forced)]);
    return outcome === forced ? 130 : 0;
  } finally {
    for (const signal of ends) signals.off(signal, onEnd);
    signals.off('SIGHUP', onHangUp);
  }
}

function bannerOf(config: Config, addresses: readonly string[], { version, uptime }: ServeNeeds): string {
  const { database } = config;
  const where =
    database.name === 'sqlite3'
      ? `SQLite in ${database.file}`
      : `PostgreSQL ${database.connection.database ?? ''} on ${database.connection.host ?? 'this machine'}`;
  return `Myelin ${version} serves ${config.server_name} at ${addresses.join(', ')} (${where}; started in ${Math.round(uptime())} ms)`;
}

/** What went wrong, in a sentence rather than a stack trace where an operator can do something about it. */
export function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  const where = 'port' in error ? `port ${String(error.port)}` : 'path' in error ? String(error.path) : 'address';
  if (code === 'EADDRINUSE')
    return `Another program already listens at this ${where}: stop it, or change listeners in the configuration.`;
  if (code === 'EADDRNOTAVAIL')
    return `This machine has no such address: see bind_addresses in the configuration (${error.message}).`;
  if (code === 'EACCES') return `This user may not use ${where}: ${error.message}.`;
  // A mistake of ours: whoever reports it needs the place.
  const ours =
    error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError || error instanceof SyntaxError;
  return ours ? (error.stack ?? error.message) : error.message;
}
