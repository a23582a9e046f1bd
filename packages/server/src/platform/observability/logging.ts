import { type Level, type Logger, multistream, pino } from 'pino';

import type { Clock } from '../clock.ts';
import { type LogDestination, openConsole, openLogFile, type Rotation } from './log-destinations.ts';
import { asText } from './text-format.ts';

export type { Logger } from 'pino';
export type LogLevel = Level | 'silent';

/** Where lines go. */
export type LogOutput = (
  | { readonly kind: 'console'; readonly stream: 'stdout' | 'stderr' }
  | { readonly kind: 'file'; readonly path: string; readonly rotation?: Rotation }
) & {
  /** The least level that this output takes; all of them by default. */
  readonly level?: Level;
  /** `text` for people, `json` for programs. */
  readonly format: 'text' | 'json';
};

export interface LogLevels {
  /** The least level that is written. */
  readonly level: LogLevel;
  /** Levels of single loggers; a logger without one has that of the longest dotted prefix of its name. */
  readonly loggers?: Readonly<Record<string, LogLevel>>;
}

export interface LogSettings extends LogLevels {
  readonly outputs: readonly LogOutput[];
}

export interface Logging {
  /** The root logger. */
  readonly logger: Logger;
  /** A logger with a name (`myelin.http`), and the level that the settings give that name. */
  named(name: string): Logger;
  /** Other levels from now on, for all loggers that there are and will be; outputs stay. */
  setLevels(levels: LogLevels): void;
  /** Opens the files again, for programs that rotate them from outside (SIGHUP). */
  reopen(): void;
  /** Writes what is buffered. Afterwards nothing may be logged. */
  close(): void;
}

/** Opens the outputs. Throws when a file cannot be written. */
export function createLogging(settings: LogSettings, clock: Pick<Clock, 'now'>): Logging {
  const destinations = settings.outputs.map((output) => openOutput(output, clock));
  const streams = destinations.map((destination, index) => {
    const { format, level = 'trace' } = settings.outputs[index] ?? { format: 'json' };
    const write =
      format === 'text' ? (line: string) => destination.write(asText(line)) : (line: string) => destination.write(line);
    return { level, stream: { write } };
  });
  const timestamp = (): string => `,"time":"${new Date(clock.now()).toISOString()}"`;
  const options = { level: settings.level, base: null, timestamp, formatters: { level: (label: string) => ({ level: label }) } };
  const logger = pino(options, multistream(streams));
  const named = new Map<string, Logger>();
  let levels: LogLevels = settings;
  return {
    logger,
    named(name) {
      const known = named.get(name);
      if (known) return known;
      const made = logger.child({ name }, { level: levelOf(name, levels) });
      named.set(name, made);
      return made;
    },
    setLevels(newLevels) {
      levels = newLevels;
      logger.level = levels.level;
      for (const [name, child] of named) child.level = levelOf(name, levels);
    },
    reopen: () => destinations.forEach((destination) => destination.reopen()),
    close: () => destinations.forEach((destination) => destination.close()),
  };
}

/** A logger that writes nothing, for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });

function openOutput(output: LogOutput, clock: Pick<Clock, 'now'>): LogDestination {
  return output.kind === 'console' ? openConsole(output.stream) : openLogFile(output.path, output.rotation, clock);
}

function levelOf(name: string, { level: otherwise, loggers = {} }: LogLevels): LogLevel {
  for (let prefix = name; prefix !== ''; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')))) {
    const level = Object.hasOwn(loggers, prefix) ? loggers[prefix] : undefined;
    if (level !== undefined) return level;
  }
  return otherwise;
}
