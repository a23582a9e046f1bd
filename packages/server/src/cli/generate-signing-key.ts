import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';

import { encodeSigningKey, generateSigningKey } from '@myelin/protocol/signatures';

import { generateSigningKeyHelp } from './help.ts';
import { parse } from './parse.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** `myelin generate-signing-key`: makes a key, for the file of signing_key_path. Never writes over a file. */
export function printSigningKey(args: readonly string[], terminal: Terminal): void {
  const { values } = parse(
    { args: [...args], options: { output_file: { type: 'string', short: 'o' }, help: { type: 'boolean', short: 'h' } } },
    'myelin generate-signing-key',
  );
  if (values.help) return terminal.out(generateSigningKeyHelp);
  const line = encodeSigningKey(generateSigningKey(randomBytes(32)));
  const file = values.output_file ?? '-';
  if (file === '-') return terminal.out(line.trimEnd());
  if (existsSync(file))
    throw new UsageError(`${file} is there already. A signing key that is lost cannot be had again: move the file away first.`);
  writeFileSync(file, line, { mode: 0o600, flag: 'wx' });
}
