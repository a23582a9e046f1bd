import { loadConfig } from '../config/index.ts';
import { voidOneTimeKeysHelp } from './help.ts';
import { parse } from './parse.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** `myelin void-one-time-keys`: after a database was restored where the server could not notice it by itself. */
export async function voidOneTimeKeys(args: readonly string[], terminal: Terminal): Promise<void> {
  const { values } = parse(
    {
      args: [...args],
      options: {
        config: { type: 'string', short: 'c', multiple: true },
        'config-path': { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    },
    'myelin void-one-time-keys',
  );
  if (values.help) return terminal.out(voidOneTimeKeysHelp);
  const configPaths = [...(values.config ?? []), ...(values['config-path'] ?? [])];
  if (configPaths.length === 0) throw new UsageError('Which server? Name its configuration: -c homeserver.yaml.');
  const { config } = loadConfig(configPaths);
  const { voidOneTimeKeysOf } = await import('../app/index.ts');
  await voidOneTimeKeysOf(config);
  terminal.out('All one-time keys are void. Each client uploads new ones when it syncs next.');
}
