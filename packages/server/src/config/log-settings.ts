/** How much is told, from the most serious on. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** When a log file is set aside and a new one begun. */
export type LogRotation =
  | { readonly by: 'size'; readonly bytes: number; readonly keep: number }
  /** Every so many milliseconds; `atMidnight`: at the end of every `days` days, in local time or UTC. */
  | { readonly by: 'time'; readonly every: number; readonly keep: number }
  | { readonly by: 'midnight'; readonly days: number; readonly utc: boolean; readonly keep: number };

/** Where lines go. Lines below `level` do not. */
export type LogDestination = {
  readonly level: LogLevel;
  /** `text`: for people. `json`: for programs. */
  readonly format: 'text' | 'json';
} & (
  | { readonly to: 'stdout' | 'stderr' }
  /** An absolute path. `keep` older files stay; null: the file grows, or another program rotates it and sends SIGHUP. */
  | { readonly to: 'file'; readonly path: string; readonly rotation: LogRotation | null }
);

/** What is logged and where. */
export interface LogSettings {
  /** The level of everything that `loggers` does not name. */
  readonly level: LogLevel;
  /** Levels by part of the server (`database`, `http`, `federation` …); the longest name that fits counts: `http.access` before `http`. */
  readonly loggers: Readonly<Record<string, LogLevel>>;
  readonly destinations: readonly LogDestination[];
}

/** What holds while no log_config is set. */
export const defaultLogSettings: LogSettings = {
  level: 'info',
  loggers: {},
  destinations: [{ to: 'stdout', level: 'trace', format: 'text' }],
};
