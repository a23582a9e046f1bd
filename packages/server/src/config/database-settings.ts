import { resolve } from 'node:path';

import type { Reading } from './schema/index.ts';

/** The words of libpq that stand in `database.args`, without those of Synapse's connection pool. */
export interface PostgresConnection {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly sslmode?: string;
  readonly sslrootcert?: string;
  readonly sslcert?: string;
  readonly sslkey?: string;
  readonly application_name?: string;
  readonly options?: string;
  /** Milliseconds. */
  readonly connect_timeout?: number;
}

/** Where the data is. */
export type DatabaseSettings =
  | {
      readonly name: 'sqlite3';
      /** The file's absolute path, or `:memory:`. */
      readonly file: string;
      readonly durability: 'full' | 'relaxed';
    }
  | {
      readonly name: 'psycopg2';
      readonly connection: PostgresConnection;
      /** The most connections of this process. */
      readonly max_connections: number;
      readonly allow_unsafe_locale: boolean;
      readonly durability: 'full' | 'relaxed';
    };

interface Written {
  readonly name: 'sqlite3' | 'psycopg2';
  readonly args: Readonly<Record<string, unknown>>;
  readonly allow_unsafe_locale: boolean;
  readonly durability: 'full' | 'relaxed';
}

const textArgs = [
  'host',
  'user',
  'password',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'application_name',
  'options',
] as const;
/** Words that Synapse's manual shows and that say nothing to our driver: it keeps connections alive and sizes its pool itself. */
const meaningless = new Set([
  'cp_min',
  'cp_reconnect',
  'cp_noisy',
  'cp_openfun',
  'cp_name',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'check_same_thread',
  'timeout',
  'isolation_level',
]);

/** Works out where the data is from `database` in the file. */
export function resolveDatabase(written: Written, dataDirectory: string, reading: Reading): DatabaseSettings {
  const { args, durability } = written;
  if (written.name === 'sqlite3') {
    const file = args['database'] ?? resolve(dataDirectory, 'homeserver.db');
    noteUnknown(args, ['database', 'cp_max'], reading);
    if (typeof file !== 'string') reading.wrong(['database', 'args', 'database'], file, 'the path of a file');
    const path = typeof file === 'string' ? file : '';
    return { name: 'sqlite3', file: path === ':memory:' ? path : resolve(path), durability };
  }
  const connection: Record<string, unknown> = {};
  for (const name of textArgs) {
    const value = args[name];
    if (value === undefined || value === null) continue;
    if (typeof value === 'string' || typeof value === 'number') connection[name] = String(value);
    else reading.wrong(['database', 'args', name], value, 'text');
  }
  const database = args['database'] ?? args['dbname'];
  if (typeof database === 'string') connection['database'] = database;
  else if (database !== undefined && database !== null) reading.wrong(['database', 'args', 'database'], database, 'text');
  const port = wholeNumber(args, 'port', 65_535, reading);
  if (port !== undefined) connection['port'] = port;
  const timeout = wholeNumber(args, 'connect_timeout', 86_400, reading);
  if (timeout !== undefined) connection['connect_timeout'] = timeout * 1000;
  noteUnknown(args, [...textArgs, 'database', 'dbname', 'port', 'connect_timeout', 'cp_max'], reading);
  return {
    name: 'psycopg2',
    connection,
    max_connections: wholeNumber(args, 'cp_max', 10_000, reading) ?? 10,
    allow_unsafe_locale: written.allow_unsafe_locale,
    durability,
  };
}

function wholeNumber(args: Readonly<Record<string, unknown>>, name: string, max: number, reading: Reading): number | undefined {
  const value = args[name];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= max) return number;
  return reading.wrong(['database', 'args', name], value, `a whole number from 1 to ${max}`);
}

function noteUnknown(args: Readonly<Record<string, unknown>>, known: readonly string[], reading: Reading): void {
  for (const name of Object.keys(args)) {
    if (known.includes(name)) continue;
    const path = `database.args.${name}`;
    if (meaningless.has(name)) reading.ignored.push(path);
    else reading.unknown.push({ path });
  }
}
