import { cpus, release } from 'node:os';

import type { Measurement } from './scenario.ts';

/** What came of one scenario, server by server. */
export interface Outcome {
  readonly scenario: string;
  readonly title: string;
  readonly results: readonly ServerResult[];
}

export interface ServerResult {
  readonly server: string;
  readonly measurements: readonly Measurement[];
  /** Why there are none. */
  readonly skipped?: string;
  /** What went wrong, where something did. */
  readonly failed?: string;
}

const nameWidth = 46;
const valueWidth = 18;

/** The table of one scenario, with how many times better the first server is than the second. */
export function tableOf({ scenario, title, results }: Outcome): string {
  const lines = ['', `${scenario}: ${title}`];
  const names = results.map(({ server }) => server.padStart(valueWidth));
  lines.push(`${''.padEnd(nameWidth)}${names.join('')}${results.length > 1 ? 'ratio'.padStart(10) : ''}`);
  for (const what of rowsOf(results)) {
    const cells = results.map(({ measurements }) => measurements[what.index]);
    const values = cells.map((cell) => (cell === undefined ? '–' : textOf(cell)).padStart(valueWidth));
    lines.push(`${what.name.padEnd(nameWidth)}${values.join('')}${ratioOf(cells)}`);
  }
  for (const { server, measurements, skipped, failed } of results) {
    if (skipped !== undefined) lines.push(`  ${server}: skipped, ${skipped}`);
    if (failed !== undefined) lines.push(`  ${server}: FAILED, ${failed}`);
    for (const { what, notes } of measurements)
      for (const note of notes ?? []) lines.push(`  ${server}, ${what.trim()}: ${note}`);
  }
  return lines.join('\n');
}

/** The same for programs, with the machine that it was measured on. */
export function jsonOf(outcomes: readonly Outcome[]): string {
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model, cores: cpus().length, kernel: release(), node: process.version };
  return `${JSON.stringify({ machine, outcomes }, null, 2)}\n`;
}

function rowsOf(results: readonly ServerResult[]): { name: string; index: number }[] {
  const longest = results.reduce<readonly Measurement[]>(
    (rows, { measurements }) => (measurements.length > rows.length ? measurements : rows),
    [],
  );
  return longest.map(({ what }, index) => ({ name: `  ${what}`, index }));
}

function textOf({ value, unit }: Measurement): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const number = Number.isFinite(value)
    ? value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : 'none';
  return unit === 'a second' ? `${number}/s` : `${number} ${unit}`;
}

function ratioOf([first, second]: readonly (Measurement | undefined)[]): string {
  if (!first || !second || first.overloaded || second.overloaded) return '';
  const ratio = first.better === 'more' ? first.value / second.value : second.value / first.value;
  return Number.isFinite(ratio) ? `${ratio.toFixed(1)}×`.padStart(10) : '';
}
