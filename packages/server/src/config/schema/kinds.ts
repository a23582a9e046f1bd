import { nearestName } from './nearest-name.ts';
import { readOptions } from './option.ts';
import type { Kind, Options, Values } from './option.ts';
import { spellPath } from './reading.ts';

/** True or false (YAML 1.1: yes, no, on and off as well). */
export const bool: Kind<boolean> = {
  allowed: 'true or false',
  read: (found, at, reading) => (typeof found === 'boolean' ? found : reading.wrong(at, found, 'true or false')),
};

/** Text; a number is taken as its digits, since YAML does not ask for quotes. */
export const text: Kind<string> = textKind('text', () => true);

/** Text that `test` accepts; `allowed` describes it in words that follow "must be". */
export function textKind<T extends string>(allowed: string, test: (value: string) => value is T): Kind<T>;
export function textKind(allowed: string, test: (value: string) => boolean): Kind<string>;
export function textKind(allowed: string, test: (value: string) => boolean): Kind<string> {
  return {
    allowed,
    read(found, at, reading) {
      const value = typeof found === 'number' ? String(found) : found;
      return typeof value === 'string' && test(value) ? value : reading.wrong(at, found, allowed);
    },
  };
}

/** A whole number within limits, both included. */
export function integer(limits: { min?: number; max?: number } = {}): Kind<number> {
  return numberKind(limits, Number.isSafeInteger, 'a whole number');
}

/** A number within limits, both included. */
export function number(limits: { min?: number; max?: number } = {}): Kind<number> {
  return numberKind(limits, Number.isFinite, 'a number');
}

function numberKind(limits: { min?: number; max?: number }, test: (value: number) => boolean, noun: string): Kind<number> {
  const { min = -Infinity, max = Infinity } = limits;
  const upTo = max === Infinity ? ` of at least ${min}` : ` from ${min} to ${max}`;
  const allowed = min === -Infinity ? noun : noun + upTo;
  return {
    allowed,
    read: (found, at, reading) =>
      typeof found === 'number' && test(found) && found >= min && found <= max ? found : reading.wrong(at, found, allowed),
  };
}

/** One of a few fixed values. */
export function choice<const V extends readonly (string | number | boolean)[]>(...values: V): Kind<V[number]> {
  const allowed = `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`;
  return {
    allowed,
    read: (found, at, reading) => values.find((value) => value === found) ?? reading.wrong(at, found, allowed),
  };
}

const millisecondsOf: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/** A length of time: `90s`, `5m`, `7d` … or milliseconds. Becomes milliseconds. */
export const duration: Kind<number> = {
  allowed: 'a duration such as "30s", "5m", "12h", "7d", "2w" or "1y", or milliseconds',
  read: (found, at, reading) => withUnit(found, millisecondsOf) ?? reading.wrong(at, found, duration.allowed),
};

/** A length of time, or `infinity` (also: nothing), which becomes null. */
export const endlessDuration: Kind<number | null> = {
  allowed: `${duration.allowed}, or "infinity"`,
  read(found, at, reading) {
    if (found === null || found === 'infinity') return null;
    return withUnit(found, millisecondsOf) ?? reading.wrong(at, found, endlessDuration.allowed);
  },
};

const bytesOf: Readonly<Record<string, number>> = Object.fromEntries(
  ['', 'K', 'M', 'G', 'T'].flatMap((unit, power) =>
    [unit, `${unit}B`, `${unit}iB`].map((spelling) => [spelling, 1024 ** power] as const),
  ),
);

/** An amount of bytes: `512K`, `50M`, `87KiB`, `2G` (powers of 1024) or a plain number. Becomes bytes. */
export const size: Kind<number> = {
  allowed: 'a size such as "512K", "50M" or "2G", or a number of bytes',
  read: (found, at, reading) => withUnit(found, bytesOf) ?? reading.wrong(at, found, size.allowed),
};

function withUnit(found: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof found === 'number') return Number.isSafeInteger(found) && found >= 0 ? found : undefined;
  if (typeof found !== 'string') return undefined;
  const [, amount, name = ''] = /^(\d+)\s*([A-Za-z]*)$/.exec(found.trim()) ?? [];
  const unit = Object.hasOwn(units, name) ? units[name] : undefined;
  const value = Number(amount) * (unit ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The kind, or nothing. */
export function maybe<T>(kind: Kind<T>): Kind<T | null> {
  return {
    ...kind,
    allowed: `${kind.allowed}, or nothing`,
    read: (found, at, reading) => (found === null ? null : kind.read(found, at, reading)),
  };
}

/** The kind, after what is found has been brought into its present spelling (an older form, a short form). */
export function spelt<T>(kind: Kind<T>, rewrite: (found: unknown) => unknown): Kind<T> {
  return { ...kind, read: (found, at, reading) => kind.read(rewrite(found), at, reading) };
}

/** A list; nothing stands for the empty list. */
export function list<T>(entries: Kind<T>): Kind<readonly T[]> {
  const allowed = `a list, each entry ${entries.allowed}`;
  return {
    allowed,
    entries,
    read(found, at, reading) {
      if (found === null) return [];
      if (!Array.isArray(found)) return reading.wrong(at, found, allowed);
      const values = found.map((entry: unknown, index) => entries.read(entry, [...at, index], reading));
      return values.every((value) => value !== undefined) ? values : undefined;
    },
  };
}

/** A mapping with free names; nothing stands for the empty one. */
export function mapOf<T>(entries: Kind<T>): Kind<Readonly<Record<string, T>>> {
  const allowed = `a mapping, each entry ${entries.allowed}`;
  return {
    allowed,
    entries,
    read(found, at, reading) {
      if (found === null) return {};
      if (!isMapping(found)) return reading.wrong(at, found, allowed);
      const values: [string, T][] = [];
      for (const [name, entry] of Object.entries(found)) {
        const value = entries.read(entry, [...at, name], reading);
        if (value === undefined) return undefined;
        values.push([name, value]);
      }
      return Object.fromEntries(values);
    },
  };
}

/** A mapping with the given options; nothing stands for the empty one. */
export function group<O extends Options>(fields: O): Kind<Values<O>> {
  const allowed = `a mapping with ${Object.keys(fields).join(', ')}`;
  return {
    allowed,
    fields,
    read(found, at, reading) {
      if (found !== null && !isMapping(found)) return reading.wrong(at, found, allowed);
      const mapping = found ?? {};
      for (const name of Object.keys(mapping)) {
        if (Object.hasOwn(fields, name)) continue;
        const near = nearestName(name, Object.keys(fields));
        reading.unknown.push({ path: spellPath([...at, name]), ...(near === undefined ? {} : { near }) });
      }
      return readOptions(fields, mapping, at, reading);
    },
  };
}

/** Anything that YAML can say; for what other programs define. */
export const anything: Kind<unknown> = { allowed: 'anything', read: (found) => found };

/** Whether a value of the file is a mapping. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
