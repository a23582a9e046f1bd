/** How a database is reached. `settingsFromConfig` makes this from the `database:` section of homeserver.yaml. */
export type DatabaseSettings = SqliteSettings | PostgresSettings;

export interface SqliteSettings {
  readonly kind: 'sqlite';
  /** The file, or `:memory:`. */
  readonly path: string;
  /** `full` (the default): what is acknowledged survives a power cut. `normal`: only the end of the process. `off`: for tests. */
  readonly synchronous?: 'full' | 'normal' | 'off';
  /** Pages kept in memory, in bytes. */
  readonly cacheBytes?: number;
  /** How long a write waits for another program that holds the file, in milliseconds. */
  readonly busyTimeoutMs?: number;
  /** The write-ahead log is moved into the file when it has this many bytes. */
  readonly checkpointBytes?: number;
  /** The file may not grow beyond this many pages of 4 KiB. */
  readonly maxPages?: number;
  /** Keeps the writer's thread for the next database of this process; tests open hundreds. */
  readonly keepWriterThread?: boolean;
}

export interface PostgresSettings {
  readonly kind: 'postgres';
  /** A host name, an address, or the folder of a unix socket. */
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly ssl?: PostgresTls;
  /** Options of the server's command line for each session, such as `-c search_path=matrix`. */
  readonly options?: string;
  /** `full` (the default): what is acknowledged survives a power cut. `off`: the last moments may be lost. */
  readonly synchronousCommit?: 'full' | 'off';
  /** Connections at most, of all kinds; at least four are used: one for reads, one for transactions, two for writes. */
  readonly maxConnections?: number;
  /** How long a connection attempt may take, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** How long work waits for a database that is away before it fails, in milliseconds. */
  readonly patienceMs?: number;
  readonly applicationName?: string;
}

/** libpq's `sslmode` and its files. */
export interface PostgresTls {
  readonly mode: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  readonly rootCertificate?: string;
  readonly certificate?: string;
  readonly key?: string;
}
