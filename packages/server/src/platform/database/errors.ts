/**
 * What can go wrong between the server and its database, told apart by what the caller can do about it. Each message is a sentence
 * that an operator can act on; the engine's own error is the `cause`.
 */
export class DatabaseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The database cannot be reached now; nothing of the work has been done. Later attempts may succeed. */
export class DatabaseUnavailableError extends DatabaseError {}

/**
 * The connection was lost while a commit was under way and the database did not come back in time to say whether it happened. The
 * write is not repeated, since it could then be applied twice: who asked must look.
 */
export class WriteOutcomeUnknownError extends DatabaseUnavailableError {}

/** There is no space left for this write; nothing of it has been stored. Reading still works. */
export class DatabaseFullError extends DatabaseError {}

/** Another process holds the database. */
export class DatabaseLockedError extends DatabaseError {}

/** The file is damaged, or is not a database. */
export class DatabaseCorruptError extends DatabaseError {}

/** The database was last used by a newer version of the server. */
export class NewerSchemaError extends DatabaseError {}

/** An earlier batch of the same lane failed, so this one was not tried. */
export class LaneBrokenError extends DatabaseError {}

/** Two transactions got in each other's way more often than it is sensible to retry. */
export class SerialisationError extends DatabaseError {}

export type ConstraintKind = 'unique' | 'not-null' | 'foreign-key' | 'check' | 'other';

/** A rule of the schema forbids the write; nothing of the batch has been stored. */
export class ConstraintError extends DatabaseError {
  readonly kind: ConstraintKind;

  constructor(kind: ConstraintKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
