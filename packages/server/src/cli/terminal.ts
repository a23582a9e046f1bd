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
  async askSecret(question) {
    process.stderr.write(question);
    // readline echoes what is typed to its output, so it gets one that shows nothing.
    const answer = await askOnce('', new Writable({ write: (_chunk, _encoding, done) => done() }));
    process.stderr.write('\n');
    return answer;
  },
  input: () => text(process.stdin),
};

async function askOnce(question: string, output: NodeJS.WritableStream): Promise<string> {
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const interrupted = new Promise<never>((_resolve, reject) => {
    lines.once('SIGINT', () => reject(new UsageError('Given up.')));
  });
  try {
    return await Promise.race([lines.question(question), interrupted]);
  } finally {
    lines.close();
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
