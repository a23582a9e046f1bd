import type { DatabaseSettings } from './database-settings.ts';
import type { Listener } from './listener.ts';
import type { LogSettings } from './log-settings.ts';
import type { Values } from './schema/index.ts';
import { database } from './sections/database.ts';
import { experimental } from './sections/experimental.ts';
import { federation } from './sections/federation.ts';
import { listeners } from './sections/listeners.ts';
import { logging } from './sections/logging.ts';
import { ratelimiting } from './sections/ratelimiting.ts';
import { passwords, registration, sessions } from './sections/registration.ts';
import { profiles, push, rooms } from './sections/rooms.ts';
import { server } from './sections/server.ts';

/** All sections of homeserver.yaml, in the order of the manual. */
export const sections = [
  server,
  listeners,
  database,
  logging,
  ratelimiting,
  registration,
  sessions,
  passwords,
  profiles,
  rooms,
  push,
  federation,
  experimental,
] as const;

/** All options by name. */
export const options = {
  ...server.options,
  ...listeners.options,
  ...database.options,
  ...logging.options,
  ...ratelimiting.options,
  ...registration.options,
  ...sessions.options,
  ...passwords.options,
  ...profiles.options,
  ...rooms.options,
  ...push.options,
  ...federation.options,
  ...experimental.options,
};

/** The options as they stand in the file, defaults filled in, durations in milliseconds, sizes in bytes. */
export type WrittenConfig = Values<typeof options>;

/**
 * What the server works with: every option under Synapse's name, durations in milliseconds (null: without end), sizes in bytes,
 * secrets read from their files, everything that depends on other options worked out. Features ask for the part that they need,
 * such as `Pick<Config, 'rc_login' | 'password_config'>`.
 */
export interface Config extends Omit<
  WrittenConfig,
  | 'public_baseurl'
  | 'signing_key_path'
  | 'one_time_key_claims_path'
  | 'listeners'
  | 'database'
  | 'cache_memory'
  | 'ui_auth'
  | 'password_config'
  | 'use_presence'
  | 'log_config'
  | 'no_proxy_hosts'
> {
  /** Ends with a slash. */
  readonly public_baseurl: string;
  /** Whether /.well-known/matrix/client is served: public_baseurl stands in the file. */
  readonly serve_client_wellknown: boolean;
  readonly signing_key_path: string;
  /** Null while the database lives in memory only. */
  readonly one_time_key_claims_path: string | null;
  readonly listeners: readonly Listener[];
  readonly database: DatabaseSettings;
  /** Bytes of all caches together. */
  readonly cache_memory: number;
  readonly ui_auth: { readonly session_timeout: number | null };
  readonly password_config: Omit<WrittenConfig['password_config'], 'policy' | 'pepper'> & {
    /** Empty when there is none. */
    readonly pepper: string;
    readonly policy: NonNullable<WrittenConfig['password_config']['policy']>;
  };
  readonly no_proxy_hosts: readonly string[];
  /** From log_config; what holds while there is no such file: INFO and above to the console. */
  readonly log: LogSettings;
  /** The file of log_config, to read it again on SIGHUP. */
  readonly log_config: string | null;
  /** The files that were read, in order. */
  readonly config_files: readonly string[];
  /** Where the server puts files whose place is not given. */
  readonly data_directory: string;
}
