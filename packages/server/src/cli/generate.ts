import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { isServerName } from '@myelin/protocol/identifiers';
import { encodeSigningKey, generateSigningKey } from '@myelin/protocol/signatures';

import { generateConfig, generatedSecrets, generateLogConfig } from '../config/index.ts';
import type { GeneratedSecret, NewConfig } from '../config/index.ts';
import { readFiles } from '../config/read-files.ts';
import type { ServerArguments } from './server-arguments.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** `--generate-config`: writes homeserver.yaml unless it is there, and then what it names. */
export function generateAll(args: ServerArguments, terminal: Terminal): void {
  const [configFile] = args.configPaths;
  if (configFile === undefined || args.configPaths.length > 1)
    throw new UsageError('--generate-config needs one file to write: -c homeserver.yaml.');
  if (existsSync(configFile)) {
    terminal.out(`${configFile} is there already and stays as it is.`);
  } else {
    const { serverName } = args;
    if (serverName === undefined) throw new UsageError('--generate-config needs the name of the server: -H example.com.');
    if (!isServerName(serverName))
      throw new UsageError(`${serverName} is not the name of a server, such as example.com or example.com:8448.`);
    mkdirSync(dirname(resolve(configFile)), { recursive: true });
    writeFileSync(configFile, generateConfig(newConfig(configFile, serverName, args)), { mode: 0o600, flag: 'wx' });
    terminal.out(`Wrote ${configFile}: the configuration of ${serverName}.`);
  }
  generateMissing(args, terminal);
}

/** `--generate-missing-configs`, `--generate-keys`: writes the signing key and the log configuration that homeserver.yaml names. */
export function generateMissing(args: ServerArguments, terminal: Terminal): void {
  if (args.configPaths.length === 0) throw new UsageError('Which configuration? Name it: -c homeserver.yaml.');
  // Not loadConfig: it wants the files that are about to be written.
  const { files, mapping } = readFiles(args.configPaths);
  const serverName = mapping['server_name'];
  if (typeof serverName !== 'string') throw new UsageError(`${args.configPaths.join(', ')} has no server_name.`);
  const configDirectory = args.configDirectory ?? dirname(files.at(-1)?.path ?? '.');
  const keyFile = mapping['signing_key_path'] ?? join(args.keysDirectory ?? configDirectory, `${serverName}.signing.key`);
  writeMissing(keyFile, 0o600, () => encodeSigningKey(generateSigningKey(randomBytes(32))), 'the signing key', terminal);
  const logFile = resolve(args.dataDirectory ?? '.', 'homeserver.log');
  writeMissing(mapping['log_config'], 0o644, () => generateLogConfig(logFile), 'the log configuration', terminal);
  for (const name of generatedSecrets) writeMissing(mapping[`${name}_path`], 0o600, () => `${newSecret()}\n`, name, terminal);
}

function newConfig(configFile: string, serverName: string, args: ServerArguments): NewConfig {
  const configDirectory = resolve(args.configDirectory ?? dirname(configFile));
  const keysDirectory = resolve(args.keysDirectory ?? configDirectory);
  const dataDirectory = resolve(args.dataDirectory ?? '.');
  const secret = (name: GeneratedSecret) =>
    args.secretsInConfig ? { value: newSecret() } : { path: join(keysDirectory, `${serverName}.${name}`) };
  return {
    serverName,
    ...(args.publicBaseUrl === undefined ? {} : { publicBaseUrl: args.publicBaseUrl }),
    reportStats: args.reportStats,
    openPrivatePorts: args.openPrivatePorts,
    databaseFile: join(dataDirectory, 'homeserver.db'),
    logConfigFile: join(configDirectory, `${serverName}.log.config`),
    signingKeyFile: join(keysDirectory, `${serverName}.signing.key`),
    pidFile: join(dataDirectory, 'homeserver.pid'),
    secrets: {
      registration_shared_secret: secret('registration_shared_secret'),
      macaroon_secret_key: secret('macaroon_secret_key'),
      form_secret: secret('form_secret'),
    },
  };
}

function writeMissing(path: unknown, mode: number, make: () => string, what: string, terminal: Terminal): void {
  if (typeof path !== 'string' || existsSync(path)) return;
  mkdirSync(dirname(resolve(path)), { recursive: true });
  writeFileSync(path, make(), { mode, flag: 'wx' });
  terminal.out(`Wrote ${path}: ${what}.`);
}

/** 288 bits, safe in YAML and in URLs. */
function newSecret(): string {
  return randomBytes(36).toString('base64url');
}
