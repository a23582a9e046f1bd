import {
  ConstraintError,
  DatabaseCorruptError,
  DatabaseError,
  DatabaseFullError,
  DatabaseLockedError,
  LaneBrokenError,
  type ConstraintKind,
} from '../errors.ts';
import { LANE_BROKEN, type Failure } from './protocol.ts';

/** https://sqlite.org/rescode.html: the low byte is the primary code, the rest says which kind of it. */
const PRIMARY = 0xff;
const BUSY = 5;
const LOCKED = 6;
const READ_ONLY = 8;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const CONSTRAINT = 19;
const NOT_A_DATABASE = 26;

const CONSTRAINT_KINDS: ReadonlyMap<number, ConstraintKind> = new Map([
  [275, 'check'],
  [787, 'foreign-key'],
  [1299, 'not-null'],
  [1555, 'unique'],
  [2067, 'unique'],
  [2579, 'unique'],
]);

/** The sentence for an engine's failure on the file at `path`. */
export function sqliteError(failure: Failure, path: string, cause?: unknown): DatabaseError {
  const options = cause === undefined ? undefined : { cause };
  const { code, message } = failure;
  if (code === LANE_BROKEN) return new LaneBrokenError(message);
  switch (code & PRIMARY) {
    case CONSTRAINT:
      return new ConstraintError(CONSTRAINT_KINDS.get(code) ?? 'other', message, options);
    case FULL:
      return new DatabaseFullError(`There is no space left to write to ${path}: ${message}`, options);
    case BUSY:
    case LOCKED:
      return new DatabaseLockedError(
        `Another process holds ${path}: stop it, or give this server a database of its own`,
        options,
      );
    case CORRUPT:
      return new DatabaseCorruptError(`${path} is damaged (${message}). Restore it from a backup`, options);
    case NOT_A_DATABASE:
      return new DatabaseCorruptError(`${path} is not an SQLite database`, options);
    case READ_ONLY:
    case CANNOT_OPEN:
      return new DatabaseError(
        `${path} cannot be opened for writing (${message}): see who owns the file and its folder`,
        options,
      );
    case IO_ERROR:
      return new DatabaseError(`Reading or writing ${path} failed (${message})`, options);
    default:
      return new DatabaseError(message, options);
  }
}
