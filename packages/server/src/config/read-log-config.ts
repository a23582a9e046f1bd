import { resolve } from 'node:path';

import { ConfigError } from './config-error.ts';
import { defaultLogSettings } from './log-settings.ts';
import type { LogOutput, LogLevel, LogRotation, LogSettings } from './log-settings.ts';
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
  ['synapse.storage', 'myelin.database'],
  ['synapse.storage.SQL', 'myelin.database.sql'],
  ['synapse.access', 'myelin.http.access'],
  ['synapse.http.server', 'myelin.http'],
  ['synapse.http.site', 'myelin.http'],
  ['synapse.rest', 'myelin.http'],
  ['synapse.http', 'myelin.outgoing'],
  ['synapse.http.matrixfederationclient', 'myelin.federation.outgoing'],
  ['synapse.federation', 'myelin.federation'],
  ['synapse.state', 'myelin.rooms.state'],
  ['synapse.handlers', 'myelin.features'],
  ['synapse.handlers.sync', 'myelin.features.sync'],
  ['synapse.handlers.presence', 'myelin.features.presence'],
  ['synapse.push', 'myelin.features.push'],
  ['synapse.appservice', 'myelin.features.appservices'],
  ['synapse.media', 'myelin.features.media'],
  ['synapse.replication', 'myelin.streams'],
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
  const outputs = used.flatMap((name) => outputOf(name, handlers, file, warnings) ?? []);
  return { settings: { level, loggers, outputs: outputs.length > 0 ? outputs : defaultLogSettings.outputs }, warnings };
}

type File = ReturnType<typeof readYamlFile>;

function outputOf(name: string, handlers: Mapping, file: File, warnings: string[]): LogOutput | undefined {
  const handler = mappingOf(handlers[name]);
  const type = textOf(handler['class']);
  const level = handler['level'] === undefined ? 'trace' : levelOf(handler['level'], ['handlers', name, 'level'], file);
  const format = isJson(handler['formatter'], file.mapping) ? 'json' : 'text';
  if (buffers.has(type) && typeof handler['target'] === 'string' && handler['target'] !== name) {
    return outputOf(handler['target'], handlers, file, warnings);
  }
  if (type === 'logging.StreamHandler')
    return { kind: 'console', stream: handler['stream'] === 'ext://sys.stdout' ? 'stdout' : 'stderr', level, format };
  const rotation = rotationOf(type, handler, file.locate(['handlers', name]), warnings);
  if (rotation !== undefined && typeof handler['filename'] === 'string') {
    return { kind: 'file', path: resolve(handler['filename']), level, format, ...(rotation && { rotation }) };
  }
  if (type === 'logging.NullHandler') return undefined;
  const where = file.locate(['handlers', name]);
  if (Object.hasOwn(handlers, name)) warnings.push(`${where}: the handler ${name} (${type}) is not supported and gets no lines.`);
  else throw new ConfigError(`${where}: root.handlers names ${name}, but there is no such handler`);
  return undefined;
}

/** When the file of a handler is put away; undefined: the handler does not write to a file. */
function rotationOf(type: string, handler: Mapping, where: string, warnings: string[]): LogRotation | null | undefined {
  const keep = wholeNumber(handler['backupCount'], 0);
  if (type === 'logging.FileHandler' || type === 'logging.handlers.WatchedFileHandler') return null;
  if (type === 'logging.handlers.RotatingFileHandler') {
    const maxBytes = wholeNumber(handler['maxBytes'], 0);
    return maxBytes === 0 || keep === 0 ? null : { by: 'size', maxBytes, keep };
  }
  if (type !== 'logging.handlers.TimedRotatingFileHandler') return undefined;
  const when = textOf(handler['when'], 'h').toUpperCase();
  const daily = (when === 'MIDNIGHT' || when === 'D') && wholeNumber(handler['interval'], 1) <= 1;
  if (!daily) warnings.push(`${where}: log files are put away at midnight, not by when: ${when}.`);
  // Python keeps all old files when no number is given.
  return { by: 'day', keep: keep === 0 ? Number.MAX_SAFE_INTEGER : keep };
}

/** Formatters that write JSON are classes; all others have a format for people. */
function isJson(formatter: unknown, config: Mapping): boolean {
  const { class: type, '()': factory } = mappingOf(mappingOf(config['formatters'])[String(formatter)]);
  return /json/i.test(textOf(type ?? factory));
}

function ownName(name: string): string | undefined {
  if (name.startsWith('myelin.')) return name;
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
