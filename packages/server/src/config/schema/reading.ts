/** Where an option stands, such as `listeners[0].port`. */
export type OptionPath = readonly (string | number)[];

/** Spells a path as an operator would write it: `rc_login.address.per_second`, `listeners[0].port`. */
export function spellPath(path: OptionPath): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}

/** One value that cannot be used: where it is, what was found there and what is allowed. */
export interface Problem {
  readonly path: OptionPath;
  readonly message: string;
}

/** What came up while options were read. Problems stop the start; the rest is told once and does not. */
export class Reading {
  readonly problems: Problem[] = [];
  /** Options of Synapse that this server does not act on yet. */
  readonly later: string[] = [];
  /** Options of Synapse that have no counterpart here. */
  readonly ignored: string[] = [];
  /** Options that nobody knows, with the nearest known name where there is one. */
  readonly unknown: { path: string; near?: string }[] = [];

  /** Notes that `found` at `path` is not one of what is `allowed` (words that follow "must be"). */
  wrong(path: OptionPath, found: unknown, allowed: string): undefined {
    this.problems.push({ path, message: `must be ${allowed}, but is ${spellValue(found)}` });
    return undefined;
  }

  /** Notes a problem that is not about the type of one value. */
  problem(path: OptionPath, message: string): undefined {
    this.problems.push({ path, message });
    return undefined;
  }
}

/** Spells a value of the file in an error: short, on one line. */
export function spellValue(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  const text = JSON.stringify(value);
  const short = text.length > 80 ? `${text.slice(0, 77)}…` : text;
  if (Array.isArray(value)) return `a list (${short})`;
  if (typeof value === 'object') return `a mapping (${short})`;
  return typeof value === 'string' ? `the text ${short}` : short;
}
