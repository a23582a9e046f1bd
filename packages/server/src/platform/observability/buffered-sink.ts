import { closeSync, openSync, writeSync } from 'node:fs';

/** Takes lines and writes many at once. */
export interface Sink {
  write(line: string): void;
  flush(): void;
  close(): void;
}

// Lines wait a moment so that a busy server writes many at once; what a crash may cost is this much of the log.
const BUFFER_BYTES = 8192;
const FLUSH_INTERVAL_MS = 200;
// A console that nobody reads must not fill the memory.
const MAX_WAITING_BYTES = 1024 * 1024;

const openSinks = new Set<Sink>();

function flushAll(): void {
  for (const sink of openSinks) sink.flush();
}

/** Writes to a file, which is opened to append, or to an open descriptor, which stays open. Throws when it cannot be opened. */
export function openSink(target: string | number): Sink {
  const descriptor = typeof target === 'number' ? target : openSync(target, 'a');
  let waiting = '';
  let lost = 0;
  let timer: NodeJS.Timeout | undefined;

  // The end of what a full pipe did not take; it may begin in the middle of a character.
  let rest = Buffer.alloc(0);

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting === '' && rest.length === 0) return;
    const bytes = Buffer.concat([rest, Buffer.from(waiting)]);
    waiting = '';
    rest = bytes.subarray(writeSome(descriptor, bytes));
    if (rest.length > 0) flushSoon();
  };
  const flushSoon = (): void => {
    timer ??= setTimeout(flush, FLUSH_INTERVAL_MS).unref();
  };
  const sink: Sink = {
    flush,
    write(line) {
      if (waiting.length + rest.length > MAX_WAITING_BYTES) {
        lost++;
        return;
      }
      if (lost > 0)
        waiting += `${JSON.stringify({ level: 'warn', msg: `${lost} lines of the log were lost: nobody took them` })}\n`;
      lost = 0;
      waiting += line;
      if (waiting.length >= BUFFER_BYTES) flush();
      else flushSoon();
    },
    close() {
      flush();
      openSinks.delete(sink);
      if (openSinks.size === 0) process.off('exit', flushAll);
      if (typeof target === 'string') closeSync(descriptor);
    },
  };
  if (openSinks.size === 0) process.on('exit', flushAll);
  openSinks.add(sink);
  return sink;
}

// How many bytes could be written now: a pipe that is full takes the rest later.
function writeSome(descriptor: number, bytes: Buffer): number {
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(descriptor, bytes, written);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Nobody is left to read a closed pipe, and a full disk must not end the server: the log is what may be lost.
    if (code === 'EPIPE' || code === 'ENOSPC') return bytes.length;
    if (code !== 'EAGAIN') throw error;
  }
  return written;
}
