/**
 * Reads what `ByteWriter` wrote, in the same order. Throws `RangeError` where the record ends too early or holds a number
 * that no writer made: stored bytes that do not parse are damage, never input.
 */
export class ByteReader {
  readonly #buffer: Buffer;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Whether everything was read. */
  get atEnd(): boolean {
    return this.#position === this.#buffer.length;
  }

  byte(): number {
    const value = this.#buffer[this.#position++];
    if (value === undefined) throw new RangeError('record ends too early');
    return value;
  }

  varint(): number {
    let byte = this.byte();
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    for (let count = 1; count < 8; count++) {
      byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new RangeError('record holds a number above 2^53');
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** The next `length` bytes, as a view of the record. */
  raw(length: number): Buffer {
    return this.#buffer.subarray(this.#position, this.#advance(length));
  }

  /** The next `length` bytes as a string of characters U+0000–U+00FF. */
  latin1(length: number): string {
    return this.#buffer.toString('latin1', this.#position, this.#advance(length));
  }

  /** The next `length` bytes in base64 without padding, in the standard or the URL-safe alphabet. */
  base64(length: number, alphabet: 'base64' | 'base64url'): string {
    const start = this.#position;
    const end = this.#advance(length);
    if (alphabet === 'base64url') return this.#buffer.toString('base64url', start, end);
    const padded = this.#buffer.toString('base64', start, end);
    const padding = (3 - (length % 3)) % 3;
    return padding === 0 ? padded : padded.slice(0, -padding);
  }

  text(): string {
    const length = this.varint();
    return this.#buffer.toString('utf8', this.#position, this.#advance(length));
  }

  #advance(length: number): number {
    const end = this.#position + length;
    if (end > this.#buffer.length) throw new RangeError('record ends too early');
    this.#position = end;
    return end;
  }
}
