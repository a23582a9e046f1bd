import type { OptionPath, Reading } from './reading.ts';

/** What YAML can say. */
export type YamlValue = string | number | boolean | null | readonly YamlValue[] | { readonly [key: string]: YamlValue };

/** What a value may be, and how its spelling in the file becomes the value that the server works with. */
export interface Kind<T> {
  /** What is allowed, in words that follow "must be". */
  readonly allowed: string;
  /** The options inside a mapping with fixed names. */
  readonly fields?: Options;
  /** What each entry of a list or of a mapping with free names is. */
  readonly entries?: Kind<unknown>;
  /** The value, or undefined after the problem has been noted. */
  read(found: unknown, at: OptionPath, reading: Reading): T | undefined;
}

/** One option: its kind, what holds when it is not set, and what it means to an operator. */
export interface Option<T> {
  readonly kind: Kind<T>;
  /** As an operator would write it (`7d`, not milliseconds). Absent: the option must be set. */
  readonly default?: YamlValue;
  readonly help: string;
  /** `later`: read and checked, but nothing acts on it yet. `ignored`: has no counterpart in this server. */
  readonly support?: 'later' | 'ignored';
  /** True for what Synapse does not have. */
  readonly own?: true;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of a set of options, under the options' names. */
export type Values<O> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

/** Options that belong together, as a chapter of the configuration manual. */
export interface Section<O extends Options> {
  readonly title: string;
  readonly options: O;
}

/** Declares an option; the default is checked by the tests, not by the compiler, because it is written as in the file. */
export function option<T>(
  kind: Kind<T>,
  help: string,
  rest: { default?: YamlValue; support?: 'later' | 'ignored'; own?: true } = {},
): Option<T> {
  return { kind, help, ...rest };
}

/** Declares a section. */
export function section<O extends Options>(title: string, options: O): Section<O> {
  return { title, options };
}

/**
 * Reads a mapping by its options: defaults fill what is missing, unknown names are noted, each problem is noted and the rest is
 * read nevertheless, so that an operator sees all problems at once. The result is only to be used when `reading` has no problems.
 */
export function readOptions<O extends Options>(
  options: O,
  found: Readonly<Record<string, unknown>>,
  at: OptionPath,
  reading: Reading,
): Values<O> {
  const values: Record<string, unknown> = {};
  for (const [name, declared] of Object.entries(options)) {
    const path = [...at, name];
    const given = Object.hasOwn(found, name) ? found[name] : undefined;
    if (given === undefined && declared.default === undefined) {
      reading.problem(path, `is missing: it must be ${declared.kind.allowed}`);
      continue;
    }
    values[name] = declared.kind.read(given === undefined ? declared.default : given, path, reading);
    if (given !== undefined && declared.support && !sameValue(given, declared.default)) {
      reading[declared.support].push(path.join('.'));
    }
  }
  return values as Values<O>;
}

/** Whether two YAML values say the same. An option that is set to its default asks for nothing. */
export function sameValue(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
