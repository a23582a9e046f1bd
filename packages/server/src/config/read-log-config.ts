import { resolve } from 'node:path';

import { ConfigError } from './config-error.ts';
import { defaultLogSettings } from './log-settings.ts';
import type { LogDestination, LogLevel, LogRotation, LogSettings } from './log-settings.ts';
import { readYamlFile } from './read-files.ts';
import { isMapping, spellValue } from './schema/index.ts';

type Mapping = Readonly<Record<string, unknown>>;

/** Python's names and numbers of levels. NOTSET lets everything pass. */
const levels: Readonly<Record<string, LogLevel>> = {
  CRITICAL: 'fatal',
  FATAL: 'fatal',
  ERROR: 'error',
  WARNING: 'warn',
  WARN: 'warn',
  INFO: 'info',
  DEBUG: 'debug',
  NOTSET: 'trace',
  50: 'fatal',
  40: 'error',
  30: 'warn',
  20: 'info',
  10: 'debug',
  0: 'trace',
};

/** Which of our loggers a logger of Synapse stands for; the longest name that fits counts. */
const counterparts: readonly (readonly [synapse: string, ours: string])[] = [
  ['synapse.storage', 'database'],
  ['synapse.storage.SQL', 'database.sql'],
  ['synapse.access', 'http.access'],
  ['synapse.http.server', 'http'],
  ['synapse.http.site', 'http'],
  ['synapse.rest', 'http'],
  ['synapse.http', 'outgoing'],
  ['synapse.http.matrixfederationclient', 'federation.outgoing'],
  ['synapse.federation', 'federation'],
  ['synapse.state', 'rooms.state'],
  ['synapse.handlers', 'features'],
  ['synapse.handlers.sync', 'features.sync'],
  ['synapse.handlers.presence', 'features.presence'],
  ['synapse.push', 'features.push'],
  ['synapse.appservice', 'features.appservices'],
  ['synapse.media', 'features.media'],
  ['synapse.replication', 'streams'],
];

/** Handlers that only collect lines before they pass them on to their `target`. */
const buffers = new Set(['logging.handlers.MemoryHandler', 'synapse.logging.handlers.PeriodicallyFlushingMemoryHandler']);

/**
 * Reads a logging configuration of Synapse (Python's `logging.config.dictConfig`, as YAML) for what has a counterpart here: levels of
 * the root and of single loggers; console, file and rotating handlers; plain and JSON formatters. The rest becomes warnings.
 */
export function readLogConfig(path: string): { settings: LogSettings; warnings: string[] } {
  const file = readYamlFile(path);
  const warnings: string[] = [];
  const root = mappingOf(file.mapping['root']);
  const loggers: Record<string, LogLevel> = {};
  let level = root['level'] === undefined ? 'warn' : levelOf(root['level'], ['root', 'level'], file);

  for (const [name, logger] of Object.entries(mappingOf(file.mapping['loggers']))) {
    const { level: written, handlers } = mappingOf(logger);
    if (Array.isArray(handlers) && handlers.length > 0) {
      warnings.push(`${path}: the logger ${name} has handlers of its own, which is not supported: its lines go where all go.`);
    }
    if (written === undefined) continue;
    const ownLevel = levelOf(written, ['loggers', name, 'level'], file);
    if (name === 'synapse') level = ownLevel;
    const ours = ownName(name);
    if (ours !== undefined) loggers[ours] = ownLevel;
  }

  const handlers = mappingOf(file.mapping['handlers']);
  const used = Array.isArray(root['handlers']) ? root['handlers'].map(String) : [];
  const destinations = used.flatMap((name) => destination(name, handlers, file, warnings) ?? []);
  return {
    settings: { level, loggers, destinations: destinations.length > 0 ? destinations : defaultLogSettings.destinations },
    warnings,
  };
}

type File = ReturnType<typeof readYamlFile>;

function destination(name: string, handlers: Mapping, file: File, warnings: string[]): LogDestination | undefined {
  const handler = mappingOf(handlers[name]);
  const type = textOf(handler['class']);
  const level = handler['level'] === undefined ? 'trace' : levelOf(handler['level'], ['handlers', name, 'level'], file);
  const format = isJson(handler['formatter'], file.mapping) ? 'json' : 'text';
  if (buffers.has(type) && typeof handler['target'] === 'string' && handler['target'] !== name) {
    return destination(handler['target'], handlers, file, warnings);
  }
  if (type === 'logging.StreamHandler')
    return { to: handler['stream'] === 'ext://sys.stdout' ? 'stdout' : 'stderr', level, format };
  const rotation = rotationOf(type, handler);
  if (rotation !== undefined && typeof handler['filename'] === 'string') {
    return { to: 'file', path: resolve(handler['filename']), level, format, rotation };
  }
  if (type === 'logging.NullHandler') return undefined;
  const where = file.locate(['handlers', name]);
  if (Object.hasOwn(handlers, name)) warnings.push(`${where}: the handler ${name} (${type}) is not supported and gets no lines.`);
  else throw new ConfigError(`${where}: root.handlers names ${name}, but there is no such handler`);
  return undefined;
}

const units: Readonly<Record<string, number>> = { S: 1000, M: 60_000, H: 3_600_000, D: 86_400_000 };

/** When the file of a handler is set aside; undefined: the handler does not write to a file. */
function rotationOf(type: string, handler: Mapping): LogRotation | null | undefined {
  const keep = wholeNumber(handler['backupCount'], 0);
  if (type === 'logging.FileHandler' || type === 'logging.handlers.WatchedFileHandler') return null;
  if (type === 'logging.handlers.RotatingFileHandler') {
    const bytes = wholeNumber(handler['maxBytes'], 0);
    return bytes === 0 || keep === 0 ? null : { by: 'size', bytes, keep };
  }
  if (type !== 'logging.handlers.TimedRotatingFileHandler') return undefined;
  const when = textOf(handler['when'], 'h').toUpperCase();
  const interval = Math.max(1, wholeNumber(handler['interval'], 1));
  if (when === 'MIDNIGHT') return { by: 'midnight', days: interval, utc: handler['utc'] === true, keep };
  if (/^W[0-6]$/.test(when)) return { by: 'midnight', days: 7 * interval, utc: handler['utc'] === true, keep };
  return { by: 'time', every: interval * (units[when] ?? 3_600_000), keep };
}

/** Formatters that write JSON are classes; all others have a format for people. */
function isJson(formatter: unknown, config: Mapping): boolean {
  const { class: type, '()': factory } = mappingOf(mappingOf(config['formatters'])[String(formatter)]);
  return /json/i.test(textOf(type ?? factory));
}

function ownName(name: string): string | undefined {
  if (name.startsWith('myelin.')) return name.slice('myelin.'.length);
  const fits = counterparts.filter(([synapse]) => name === synapse || name.startsWith(`${synapse}.`));
  return fits.toSorted(([one], [other]) => other.length - one.length)[0]?.[1];
}

function levelOf(value: unknown, at: readonly string[], file: File): LogLevel {
  const name = typeof value === 'string' ? value.toUpperCase() : String(value);
  const level = Object.hasOwn(levels, name) ? levels[name] : undefined;
  if (level !== undefined) return level;
  throw new ConfigError(
    `${file.locate(at)}: ${at.join('.')} must be one of CRITICAL, ERROR, WARNING, INFO, DEBUG, but is ${spellValue(value)}`,
  );
}

function textOf(value: unknown, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise;
}

function wholeNumber(value: unknown, otherwise: number): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : otherwise;
}

function mappingOf(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}
