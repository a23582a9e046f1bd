/** Unsigned integers above this do not survive a varint exactly. */
const largestInteger = Number.MAX_SAFE_INTEGER;

/**
 * Writes compact binary records: variable-length integers (7 bits a byte, low bits first), raw bytes and texts with their
 * length. One writer is meant to be used again and again: `reset` keeps the buffer.
 */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 512) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
  }

  /** How many bytes stand written. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written after `length`. */
  reset(length = 0): void {
    this.#length = length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 − 1. Throws `RangeError` for anything else: a silently wrong record is worse than none. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    // Bit operators work on 32 bits, so larger numbers are divided down first.
    if (!(rest <= 0x7fffffff)) {
      if (!(Number.isInteger(rest) && rest <= largestInteger)) throw new RangeError(`not a whole number below 2^53: ${value}`);
      while (rest > 0x7fffffff) {
        this.#buffer[this.#length++] = (rest % 128) | 128;
        rest = Math.floor(rest / 128);
      }
    } else if (rest < 0 || rest !== Math.trunc(rest)) throw new RangeError(`not a whole number from 0: ${value}`);
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  /** A whole number within ±(2^52 − 1), small ones of either sign in few bytes. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** Bytes as they are, without their length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A string of characters U+0000–U+00FF, one byte each, without its length. */
  latin1(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#buffer.write(text, this.#length, 'latin1');
  }

  /** The length in bytes, then the text as UTF-8. Lone surrogates do not survive: callers that may see one check first. */
  text(text: string): void {
    const size = Buffer.byteLength(text);
    this.varint(size);
    this.#reserve(size);
    this.#length += this.#buffer.write(text, this.#length, 'utf8');
  }

  /**
   * The bytes that `text` is the base64 of, without their length, when it is exactly what `ByteReader.base64` would give back for
   * `length` bytes: no padding, this alphabet, no stray bits. Otherwise writes nothing and returns false.
   */
  base64(text: string, length: number, alphabet: 'base64' | 'base64url'): boolean {
    if (text.length !== Math.ceil((length * 4) / 3)) return false;
    this.#reserve(length);
    const end = this.#length + length;
    if (this.#buffer.write(text, this.#length, length, alphabet) !== length) return false;
    if (!unpadded(this.#buffer.toString(alphabet, this.#length, end), text)) return false;
    this.#length = end;
    return true;
  }

  /** A copy of what was written from `start` on. */
  bytes(start = 0): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#buffer, start, this.#length);
  }

  /** What was written, without a copy: valid until the next write or reset. */
  view(start = 0): Uint8Array {
    return this.#buffer.subarray(start, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Whether `encoded` without its padding is `text`, which is as long as that. */
function unpadded(encoded: string, text: string): boolean {
  return encoded.length === text.length ? encoded === text : encoded.startsWith(text);
}
