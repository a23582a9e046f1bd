import { loadConfig } from '../config/index.ts';
import { hashPasswordHelp } from './help.ts';
import { parse } from './parse.ts';
import { askNewPassword } from './terminal.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Bcrypt reads no further than this. */
const bcryptBytes = 72;

/** `myelin hash-password`: prints the hash of a password, as login compares it. */
export async function hashPassword(args: readonly string[], terminal: Terminal): Promise<void> {
  const { values } = parse(
    {
      args: [...args],
      options: {
        password: { type: 'string', short: 'p' },
        rounds: { type: 'string', short: 'r' },
        config: { type: 'string', short: 'c' },
        help: { type: 'boolean', short: 'h' },
      },
    },
    'myelin hash-password',
  );
  if (values.help) return terminal.out(hashPasswordHelp);
  const config = values.config === undefined ? undefined : loadConfig([values.config]).config;
  const rounds = values.rounds === undefined ? (config?.bcrypt_rounds ?? 12) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 4 || rounds > 31)
    throw new UsageError(`--rounds must be a whole number from 4 to 31, but is ${values.rounds}.`);
  const password =
    values.password ?? (terminal.interactive ? await askNewPassword(terminal) : (await terminal.input()).replace(/\r?\n$/, ''));
  if (password === '') throw new UsageError('The password is empty.');
  const peppered = Buffer.from(password.normalize('NFKC') + (config?.password_config.pepper ?? ''));
  if (peppered.length > bcryptBytes)
    terminal.err(`Password and pepper together are longer than ${bcryptBytes} bytes; what follows does not count.`);
  const { hash } = await import('@node-rs/bcrypt');
  terminal.out(await hash(peppered.subarray(0, bcryptBytes), { cost: rounds }));
}
