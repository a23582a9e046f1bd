import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { Clock } from '../clock.ts';
import { openSink } from './buffered-sink.ts';

/** When a log file is put away and how many old ones are kept. As Python's rotating handlers name them. */
export type Rotation =
  /** Beyond `maxBytes`: `log`, `log.1` (the newest old one), `log.2` … */
  | { readonly by: 'size'; readonly maxBytes: number; readonly keep: number }
  /** At midnight UTC: `log`, `log.2026-11-20` … */
  | { readonly by: 'day'; readonly keep: number };

export interface LogDestination {
  write(line: string): void;
  reopen(): void;
  close(): void;
}

/** The console; the process's own streams stay open. */
export function openConsole(stream: 'stdout' | 'stderr'): LogDestination {
  const sink = openSink(stream === 'stdout' ? 1 : 2);
  return { write: sink.write, reopen: () => undefined, close: sink.close };
}

/** A file, made with its folder if it is not there, put away by `rotation`. */
export function openLogFile(path: string, rotation: Rotation | undefined, clock: Pick<Clock, 'now'>): LogDestination {
  mkdirSync(dirname(path), { recursive: true });
  const day = (): string => new Date(clock.now()).toISOString().slice(0, 10);
  let size = existsSync(path) ? statSync(path).size : 0;
  let today = size > 0 ? new Date(statSync(path).mtimeMs).toISOString().slice(0, 10) : day();
  let sink = openSink(path);
  const putAway = (rename: () => void): void => {
    sink.close();
    rename();
    sink = openSink(path);
    size = 0;
  };
  return {
    write(line) {
      if (rotation?.by === 'size' && size > 0 && size + line.length > rotation.maxBytes)
        putAway(() => shiftFiles(path, rotation.keep));
      if (rotation?.by === 'day' && today !== day()) {
        putAway(() => nameByDay(path, today, rotation.keep));
        today = day();
      }
      size += line.length;
      sink.write(line);
    },
    reopen: () => putAway(() => undefined),
    close: () => sink.close(),
  };
}

function shiftFiles(path: string, keep: number): void {
  if (keep === 0) return rmSync(path, { force: true });
  for (let index = keep - 1; index >= 1; index--) {
    if (existsSync(`${path}.${index}`)) renameSync(`${path}.${index}`, `${path}.${index + 1}`);
  }
  if (existsSync(path)) renameSync(path, `${path}.1`);
}

function nameByDay(path: string, day: string, keep: number): void {
  if (existsSync(path)) renameSync(path, `${path}.${day}`);
  const prefix = `${basename(path)}.`;
  const old = readdirSync(dirname(path)).filter(
    (name) => name.startsWith(prefix) && /^\d{4}-\d\d-\d\d$/.test(name.slice(prefix.length)),
  );
  for (const name of old.sort().reverse().slice(keep)) rmSync(join(dirname(path), name));
}
