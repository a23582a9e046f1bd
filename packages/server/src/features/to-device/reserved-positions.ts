import type { Database } from '../../platform/database/index.ts';
import { StreamSequence } from '../../platform/streams/index.ts';
import { putReservedPosition, reservedPosition } from './to-device.store.ts';

/** So many positions are reserved with one write; after a crash as many may be left out. */
const reservedAtOnce = 100_000;

/**
 * The positions of a stream whose rows are deleted once they are read. Which were given out before the server's last end cannot be seen in
 * the rows, and a token that a client still holds must never cover what comes later: so positions are noted before they are given out. That also holds
 * for a database that is restored from a copy, as long as no more than a block was given out since.
 */
export class ReservedPositions {
  readonly sequence: StreamSequence;
  readonly #database: Database;
  #reserved: number;
  #reserving: Promise<void> | undefined;

  private constructor(database: Database, reserved: number) {
    this.#database = database;
    this.#reserved = reserved;
    this.sequence = new StreamSequence(reserved);
  }

  static async open(database: Database): Promise<ReservedPositions> {
    return new ReservedPositions(database, await reservedPosition(database));
  }

  /** Runs `work` as soon as so many positions may be given out; it must take them before it waits for anything. */
  async with<T>(count: number, work: () => T): Promise<T> {
    while (this.sequence.last + count > this.#reserved) await (this.#reserving ??= this.#reserve(count));
    return work();
  }

  async #reserve(count: number): Promise<void> {
    const reserved = this.sequence.last + count + reservedAtOnce;
    try {
      await this.#database.write((tx) => putReservedPosition(tx, reserved));
      this.#reserved = reserved;
    } finally {
      this.#reserving = undefined;
    }
  }
}
