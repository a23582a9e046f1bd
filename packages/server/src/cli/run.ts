import { ConfigError } from '../config/config-error.ts';
import { programVersion } from '../platform/program-version.ts';
import { inBackground, reportToForeground, startInBackground, writePidFile } from './daemon.ts';
import { serverHelp } from './help.ts';
import { configOf, sentence, serve } from './serve.ts';
import type { ServeNeeds } from './serve.ts';
import { serverArguments } from './server-arguments.ts';
import type { ServerArguments } from './server-arguments.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** What the program needs from outside; tests bring their own. */
export type RunNeeds = Omit<ServeNeeds, 'version'>;

type SubCommand = (args: readonly string[], terminal: Terminal) => Promise<void> | void;

// Loaded when called for: serving must not wait for what only a sub-command needs.
const subCommands: Readonly<Record<string, () => Promise<SubCommand>>> = {
  'register-user': async () => (await import('./register-user.ts')).registerUser,
  'hash-password': async () => (await import('./hash-password.ts')).hashPassword,
  'generate-signing-key': async () => (await import('./generate-signing-key.ts')).printSigningKey,
  'void-one-time-keys': async () => (await import('./void-one-time-keys.ts')).voidOneTimeKeys,
};

/** Does what the command line says and gives the exit code: 0 done, 1 not possible, 2 the command line is wrong. */
export async function run(args: readonly string[], needs: RunNeeds): Promise<number> {
  try {
    return await dispatch(args, needs);
  } catch (error) {
    const text = error instanceof UsageError || error instanceof ConfigError ? error.message : sentence(error);
    reportToForeground(text);
    const isServing = args.length > 0 && args.every((word) => !Object.hasOwn(subCommands, word));
    needs.terminal.err(error instanceof UsageError || !isServing ? text : `Myelin cannot start:\n${text}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function dispatch(args: readonly string[], needs: RunNeeds): Promise<number> {
  const [first = '', ...rest] = args;
  const { terminal } = needs;
  const load = Object.hasOwn(subCommands, first) ? subCommands[first] : undefined;
  if (load !== undefined) {
    const command = await load();
    await command(rest, terminal);
    return 0;
  }
  if (first !== '' && !first.startsWith('-')) throw new UsageError(`There is no command ${first}. See myelin --help.`);
  const parsed = serverArguments(args);
  if (parsed.task === 'serve') return serveAs(parsed, args, needs);
  if (parsed.task === 'help') terminal.out(serverHelp);
  else if (parsed.task === 'version') terminal.out(`Myelin ${programVersion()}`);
  else {
    const { generateAll, generateMissing } = await import('./generate.ts');
    if (parsed.task === 'generate-config') generateAll(parsed, terminal);
    else generateMissing(parsed, terminal);
  }
  return 0;
}

async function serveAs(parsed: ServerArguments, args: readonly string[], needs: RunNeeds): Promise<number> {
  const loaded = configOf(parsed);
  const background = parsed.daemonize || loaded.config.daemonize;
  if (background && !inBackground()) return startInBackground(args, loaded.config, needs.terminal);
  let removePidFile = () => {};
  const start: ServeNeeds['start'] = async (config, options) => {
    const server = await needs.start(config, options);
    // Only who serves may say so: a start that fails, because another one serves, must leave its file alone.
    if (background && config.pid_file !== null) removePidFile = writePidFile(config.pid_file);
    reportToForeground('serving');
    return server;
  };
  try {
    return await serve(loaded, { ...needs, start, version: programVersion() });
  } finally {
    removePidFile();
  }
}
