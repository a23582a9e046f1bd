import { parse } from './parse.ts';
import { UsageError } from './usage-error.ts';

/** What `myelin` without a sub-command was told. */
export interface ServerArguments {
  readonly task: 'serve' | 'generate-config' | 'generate-missing' | 'help' | 'version';
  readonly configPaths: readonly string[];
  readonly serverName?: string;
  readonly publicBaseUrl?: string;
  readonly reportStats: boolean;
  readonly configDirectory?: string;
  readonly dataDirectory?: string;
  readonly keysDirectory?: string;
  readonly secretsInConfig: boolean;
  readonly openPrivatePorts: boolean;
  readonly daemonize: boolean;
}

/** Reads Synapse's command line. Throws a `UsageError`. */
export function serverArguments(args: readonly string[]): ServerArguments {
  const { values } = parse(
    {
      args: [...args],
      options: {
        'config-path': { type: 'string', short: 'c', multiple: true },
        'generate-config': { type: 'boolean' },
        'generate-keys': { type: 'boolean' },
        'generate-missing-configs': { type: 'boolean' },
        'server-name': { type: 'string', short: 'H' },
        'public-baseurl': { type: 'string' },
        'report-stats': { type: 'string' },
        'config-directory': { type: 'string' },
        'data-directory': { type: 'string' },
        'keys-directory': { type: 'string' },
        'no-secrets-in-config': { type: 'boolean' },
        'open-private-ports': { type: 'boolean' },
        daemonize: { type: 'boolean', short: 'D' },
        'print-pidfile': { type: 'boolean' },
        'manhole-port': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    },
    'myelin',
  );
  const reportStats = values['report-stats'];
  if (reportStats !== undefined && reportStats !== 'yes' && reportStats !== 'no') {
    throw new UsageError(`--report-stats must be yes or no, but is ${reportStats}.`);
  }
  const optional = {
    serverName: values['server-name'],
    publicBaseUrl: values['public-baseurl'],
    configDirectory: values['config-directory'],
    dataDirectory: values['data-directory'],
    keysDirectory: values['keys-directory'],
  };
  return {
    task: taskOf(values),
    configPaths: values['config-path'] ?? [],
    reportStats: reportStats === 'yes',
    secretsInConfig: values['no-secrets-in-config'] !== true,
    openPrivatePorts: values['open-private-ports'] === true,
    daemonize: values.daemonize === true,
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<ServerArguments>),
  };
}

function taskOf(values: Readonly<Record<string, unknown>>): ServerArguments['task'] {
  if (values['help']) return 'help';
  if (values['version']) return 'version';
  if (values['generate-config']) return 'generate-config';
  return values['generate-keys'] || values['generate-missing-configs'] ? 'generate-missing' : 'serve';
}
