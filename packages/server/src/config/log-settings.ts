/** How much is told, from the most serious on. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** When a log file is put away, and how many old ones are kept. */
export type LogRotation =
  | { readonly by: 'size'; readonly maxBytes: number; readonly keep: number }
  | { readonly by: 'day'; readonly keep: number };

/** Where lines go. */
export type LogOutput = (
  | { readonly kind: 'console'; readonly stream: 'stdout' | 'stderr' }
  /** An absolute path. Without a rotation the file grows, or another program rotates it and sends SIGHUP. */
  | { readonly kind: 'file'; readonly path: string; readonly rotation?: LogRotation }
) & {
  /** The least level that this output takes. */
  readonly level: LogLevel;
  /** `text` for people, `json` for programs. */
  readonly format: 'text' | 'json';
};

/** What is logged and where: what `platform/observability` opens. */
export interface LogSettings {
  /** The least level of everything that `loggers` does not name. */
  readonly level: LogLevel;
  /** Levels of parts of the server (`myelin.database`, `myelin.http` …); the longest name that fits counts. */
  readonly loggers: Readonly<Record<string, LogLevel>>;
  readonly outputs: readonly LogOutput[];
}

/** What holds while no log_config is set. */
export const defaultLogSettings: LogSettings = {
  level: 'info',
  loggers: {},
  outputs: [{ kind: 'console', stream: 'stdout', level: 'trace', format: 'text' }],
};
