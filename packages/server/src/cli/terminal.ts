import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { UsageError } from './usage-error.ts';

/** Whoever typed the command: a person at a terminal, or a program behind a pipe. */
export interface Terminal {
  /** Whether a person can be asked. */
  readonly interactive: boolean;
  /** A line of the answer. */
  out(line: string): void;
  /** A line beside the answer: warnings, errors. */
  err(line: string): void;
  /** Asks for a line. */
  ask(question: string): Promise<string>;
  /** Asks for a line that does not appear on the screen. */
  askSecret(question: string): Promise<string>;
  /** Everything that is piped in. */
  input(): Promise<string>;
}

/** The terminal of this process. */
export const processTerminal: Terminal = {
  interactive: process.stdin.isTTY && process.stderr.isTTY,
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  ask: (question) => askOnce(question, process.stderr),
  // readline echoes what is typed to its output, so it gets one that shows nothing.
  askSecret: (question) => askOnce(question, new Writable({ write: (_chunk, _encoding, done) => done() })),
  input: () => text(process.stdin),
};

async function askOnce(question: string, output: NodeJS.WritableStream): Promise<string> {
  // Before the question is seen: what is typed in answer to it must not be echoed by the terminal itself.
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new UsageError('Given up.'));
  // Ctrl-C; and Ctrl-D, which closes.
  lines.once('SIGINT', giveUp);
  lines.once('close', giveUp);
  const isSecret = output !== process.stderr;
  if (isSecret) process.stderr.write(question);
  try {
    return await Promise.race([givenUp, lines.question(isSecret ? '' : question)]);
  } finally {
    lines.close();
    if (isSecret) process.stderr.write('\n');
  }
}

/** Asks for a new password twice. Throws a `UsageError` when it stays empty or the two differ. */
export async function askNewPassword(terminal: Terminal): Promise<string> {
  if (!terminal.interactive)
    throw new UsageError('There is no password, and nobody to ask for it: use --password or --password-file.');
  const password = await terminal.askSecret('Password: ');
  if (password === '') throw new UsageError('The password is empty.');
  if ((await terminal.askSecret('Confirm password: ')) !== password) throw new UsageError('The passwords differ.');
  return password;
}
