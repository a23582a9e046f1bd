import { randomBytes } from 'node:crypto';
import { dirname, resolve } from 'node:path';

import { checkTogether } from './check-together.ts';
import { ConfigError } from './config-error.ts';
import { options } from './config.ts';
import type { Config, WrittenConfig } from './config.ts';
import { type DatabaseSettings, resolveDatabase } from './database-settings.ts';
import { resolveListeners } from './listener.ts';
import { defaultLogSettings } from './log-settings.ts';
import { readFiles } from './read-files.ts';
import type { MergedFiles } from './read-files.ts';
import { readLogConfig } from './read-log-config.ts';
import { Reading, readOptions, spellPath } from './schema/index.ts';
import { readSecrets } from './secrets.ts';
import { proxiesFrom } from './sections/proxy-address.ts';
import { noteUnsupported, unsupportedWarning } from './unsupported.ts';

/** Places that the command line may name, and where new secrets come from. */
export interface LoadOptions {
  /** Where the signing key is, unless the file says. Default: the directory of the last file. */
  readonly keysDirectory?: string;
  /** Where the database is, unless the file says. Default: the working directory. */
  readonly dataDirectory?: string;
  /** Variables of the process that stand in for options; none unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Makes a secret for a `*_path` file that is not there yet. */
  readonly newSecret?: () => string;
}

/** The configuration, and what the operator should know about it: full sentences. */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
}

/** How much memory all caches have at Synapse's default `caches.global_factor` of 0.5. */
const cacheMemoryAtHalf = 128 * 1024 * 1024;

/**
 * Reads homeserver.yaml: files and directories, later ones win. What is not known or not supported becomes a warning; a file that
 * cannot be read and values that cannot be used are a `ConfigError` that names all of them.
 */
export function loadConfig(paths: readonly string[], from: LoadOptions = {}): LoadedConfig {
  const files = readFiles(paths);
  const lastFile = files.files.at(-1);
  if (lastFile === undefined) throw new ConfigError(`There is no configuration in ${paths.join(', ')}: no file ends with .yaml`);
  const reading = new Reading();
  noteUnsupported(files.mapping, Object.keys(options), reading);
  const written = readOptions(options, files.mapping, [], reading);
  // What follows works on values that belong together; a wrong one would only cause more errors that mean the same.
  stopOnProblems(reading, files);

  const isSet = (name: string) => Object.hasOwn(files.mapping, name) && files.mapping[name] !== null;
  const dataDirectory = resolve(from.dataDirectory ?? '.');
  const secrets = readSecrets(written, reading, from.newSecret ?? (() => randomBytes(36).toString('base64url')));
  const { use_presence, log_config, ...rest } = written;
  const certificates = { chain: written.tls_certificate_path, key: written.tls_private_key_path };
  const listeners = resolveListeners(written.listeners, certificates, reading);
  const database = resolveDatabase(written.database, dataDirectory, reading);
  const { values, warnings } = checkTogether(written, isSet, reading);
  stopOnProblems(reading, files);

  const { settings: log, warnings: logWarnings } =
    log_config === null ? { settings: defaultLogSettings, warnings: [] } : readLogConfig(log_config);
  const baseUrl = written.public_baseurl ?? `https://${written.server_name}/`;
  const keyName = `${written.server_name}.signing.key`;
  const config: Config = {
    ...rest,
    ...values,
    ...secrets,
    ...proxiesFrom(written, from.environment ?? {}),
    public_baseurl: baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`,
    serve_client_wellknown: written.public_baseurl !== null,
    signing_key_path: resolve(written.signing_key_path ?? resolve(from.keysDirectory ?? dirname(lastFile.path), keyName)),
    one_time_key_claims_path: claimsPath(written, database, dataDirectory),
    listeners,
    database,
    cache_memory:
      written.cache_memory ??
      written.caches.cache_autotuning?.max_cache_memory_usage ??
      Math.round(cacheMemoryAtHalf * 2 * written.caches.global_factor),
    ui_auth: { session_timeout: written.ui_auth === null ? 0 : written.ui_auth.session_timeout },
    password_config: {
      ...written.password_config,
      pepper: written.password_config.pepper ?? '',
      policy: written.password_config.policy ?? noPolicy,
    },
    presence: {
      ...written.presence,
      enabled: isSet('presence') ? written.presence.enabled : (use_presence ?? written.presence.enabled),
    },
    log,
    log_config,
    config_files: files.files.map((file) => resolve(file.path)),
    data_directory: dataDirectory,
  };
  const unsupported = unsupportedWarning(reading);
  return { config, warnings: [...(unsupported === undefined ? [] : [unsupported]), ...warnings, ...logWarnings] };
}

/** Beside the data, so that whoever moves the data takes it along. */
function claimsPath(
  written: Pick<WrittenConfig, 'one_time_key_claims_path' | 'server_name'>,
  database: DatabaseSettings,
  dataDirectory: string,
): string | null {
  if (written.one_time_key_claims_path !== null) return resolve(dataDirectory, written.one_time_key_claims_path);
  if (database.name === 'psycopg2') return resolve(dataDirectory, `${written.server_name}.claims`);
  return database.file === ':memory:' ? null : `${database.file}.claims`;
}

const noPolicy = {
  enabled: false,
  minimum_length: 0,
  require_digit: false,
  require_symbol: false,
  require_lowercase: false,
  require_uppercase: false,
} as const;

function stopOnProblems(reading: Reading, files: MergedFiles): void {
  if (reading.problems.length === 0) return;
  const order = Object.keys(files.mapping);
  const asInTheFile = reading.problems.toSorted(
    (one, other) => order.indexOf(String(one.path[0])) - order.indexOf(String(other.path[0])),
  );
  const lines = asInTheFile.map(({ path, message }) => {
    const where = files.locate(path);
    return `${where === undefined ? '' : `${where}: `}${spellPath(path)} ${message}`;
  });
  throw new ConfigError(lines.join('\n'));
}
