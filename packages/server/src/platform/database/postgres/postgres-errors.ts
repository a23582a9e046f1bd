import {
  ConstraintError,
  DatabaseCorruptError,
  DatabaseError,
  DatabaseFullError,
  DatabaseUnavailableError,
  type ConstraintKind,
} from '../errors.ts';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SERIALISATION_FAILURE = '40001';
const DEADLOCK = '40P01';
const DISK_FULL = '53100';

const CONSTRAINT_KINDS: ReadonlyMap<string, ConstraintKind> = new Map([
  ['23502', 'not-null'],
  ['23503', 'foreign-key'],
  ['23505', 'unique'],
  ['23514', 'check'],
]);

/** The server's code for what went wrong; undefined when it is not the server who says so (the connection broke). */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The server is going down, starting up, or has ended this connection. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof DatabaseError) return false;
  const code = codeOf(error);
  // 57014 is a statement that was cancelled: the connection lives.
  return code === undefined || code.startsWith('08') || code === '53300' || (code.startsWith('57P') && code !== '57P05');
}

/** Trying the same again may well succeed. */
export function isWorthRetrying(error: unknown): boolean {
  const code = codeOf(error);
  return code === SERIALISATION_FAILURE || code === DEADLOCK;
}

/** The sentence for what the server or the driver said. */
export function postgresError(error: unknown): Error {
  if (error instanceof DatabaseError || error instanceof TypeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const options = { cause: error };
  if (isConnectionLoss(error)) return new DatabaseUnavailableError(`PostgreSQL cannot be reached (${message})`, options);
  const code = codeOf(error) ?? '';
  if (code.startsWith('23')) return new ConstraintError(CONSTRAINT_KINDS.get(code) ?? 'other', message, options);
  if (code === DISK_FULL) return new DatabaseFullError(`PostgreSQL has no space left (${message})`, options);
  if (code.startsWith('XX')) return new DatabaseCorruptError(`PostgreSQL reports damage (${message})`, options);
  return new DatabaseError(`${message} (${code})`, options);
}
