import { sql, type Db } from '../../platform/database/index.ts';
import { letOthersRun } from '../../platform/let-others-run.ts';

/** Half a megabyte: with 400,000 entries one in a hundred that is new is taken for one that may be known. */
const bitsOfFilter = 2 ** 22;
const bitsOfEntry = 4;
const rowsAtOnce = 2_000;
/** Beyond these most answers would be "maybe", and reading them would be for nothing. */
const mostEntries = 2_000_000;

/**
 * Says from memory that a transaction id was never used, which is so for nearly every message: a Bloom filter over all that the table
 * holds. It has what was there at the start only when all of that is read, in steps, beginning with the first question. Exact where it
 * says no, as long as this process writes all transactions.
 */
export class SentScopes {
  readonly #db: Db;
  #bits = new Uint32Array(bitsOfFilter / 32);
  #entries = 0;
  #isWhole = false;
  #isBegun = false;

  constructor(db: Db) {
    this.#db = db;
  }

  /** @param hash at least twelve bytes of a hash */
  add(hash: Uint8Array): void {
    this.#entries += 1;
    for (let part = 0; part < bitsOfEntry; part++) {
      const bit = bitAt(hash, part);
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
  }

  /** False: the table does not have it. True: it may. */
  mayHave(hash: Uint8Array): boolean {
    if (!this.#isWhole) {
      this.#begin();
      return true;
    }
    for (let part = 0; part < bitsOfEntry; part++) {
      const bit = bitAt(hash, part);
      if (((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  /** Many entries are gone from the table: the filter is made anew where it was getting full. */
  thinOut(): void {
    if (this.#entries < bitsOfFilter / bitsOfEntry / 2) return;
    this.#bits = new Uint32Array(bitsOfFilter / 32);
    this.#entries = 0;
    this.#isWhole = false;
    this.#isBegun = false;
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    // What is wrong with the database it tells whoever asks it; the next question begins anew.
    this.#load().catch(() => (this.#isBegun = false));
  }

  async #load(): Promise<void> {
    const bits = this.#bits;
    for (let after = 0; this.#entries < mostEntries;) {
      const rows = await this.#db.all<{ event_nid: number; scope: Uint8Array }>(
        sql`SELECT event_nid, scope FROM sent_transactions WHERE event_nid > ${after} ORDER BY event_nid LIMIT ${rowsAtOnce}`,
      );
      // Begun anew meanwhile.
      if (bits !== this.#bits) return;
      for (const { scope } of rows) this.add(scope);
      if (rows.length < rowsAtOnce) {
        this.#isWhole = true;
        return;
      }
      after = rows.at(-1)?.event_nid ?? after;
      await letOthersRun();
    }
  }
}

/** 22 bits of a hash, from each third byte on. */
function bitAt(hash: Uint8Array, part: number): number {
  const from = part * 3;
  return ((((hash[from] ?? 0) << 16) | ((hash[from + 1] ?? 0) << 8) | (hash[from + 2] ?? 0)) >>> 0) % bitsOfFilter;
}
