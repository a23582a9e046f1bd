/** Some elements of one of the arrays, each as its JSON text. */
export interface ArrayPiece {
  readonly name: string;
  readonly elements: readonly string[];
}

export interface SplitLimits {
  /** Bytes of one element at most. */
  readonly elementBytes: number;
  /** Bytes of all that stands outside the arrays at most. */
  readonly restBytes: number;
  /** So many elements are handed on together. */
  readonly elementsAtOnce: number;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
/** The text of a key is looked at up to here; the names that are looked for are shorter. */
const keyBytes = 256;

/**
 * Takes a JSON object apart while it arrives: the elements of the arrays that its named members are come out one by one, as text, and
 * nobody ever holds the whole. An element is not looked into: whoever parses it finds out whether it is JSON. Of an object with two
 * members of one name, the elements of both come.
 */
export class ArraySplitter {
  readonly #names: ReadonlySet<string>;
  readonly #limits: SplitLimits;
  readonly #rest: Uint8Array[] = [];
  #restBytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The last string right inside the object, which is the key where a colon follows. */
  #string: number[] = [];
  #key: string | undefined;
  /** The array that is being split. */
  #array: string | undefined;
  /** The beginning of an element that the chunks before had. */
  readonly #begun: Uint8Array[] = [];
  #begunBytes = 0;
  #elements: string[] = [];
  #isFirst = true;

  constructor(names: ReadonlySet<string>, limits: SplitLimits) {
    this.#names = names;
    this.#limits = limits;
  }

  /** Takes the next bytes, which are read before it returns. Throws a SyntaxError where they cannot belong to such an object. */
  *push(chunk: Uint8Array): Generator<ArrayPiece> {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
        if (this.#depth === 1 && this.#inString && this.#string.length < keyBytes) this.#string.push(byte as number);
        continue;
      }
      switch (byte) {
        case quote:
          this.#inString = true;
          if (this.#depth === 1) this.#string = [];
          break;
        case colon:
          if (this.#depth === 1) this.#key = keyOf(this.#string);
          break;
        case openBrace:
          this.#depth += 1;
          break;
        case openBracket:
          this.#depth += 1;
          if (this.#depth !== 2 || this.#key === undefined || !this.#names.has(this.#key)) break;
          this.#array = this.#key;
          this.#isFirst = true;
          this.#keepRest(chunk, start, at + 1);
          start = at + 1;
          break;
        case comma:
          if (this.#depth === 1) this.#key = undefined;
          if (this.#array === undefined || this.#depth !== 2) break;
          this.#endElement(chunk, start, at, false);
          start = at + 1;
          if (this.#elements.length >= this.#limits.elementsAtOnce) yield this.#takePiece();
          break;
        case closeBrace:
        case closeBracket:
          if (this.#array !== undefined && this.#depth === 2) {
            if (byte !== closeBracket) throw new SyntaxError('an array ends as an object');
            this.#endElement(chunk, start, at, true);
            start = at;
            if (this.#elements.length > 0) yield this.#takePiece();
            this.#array = undefined;
          }
          this.#depth -= 1;
          if (this.#depth < 0) throw new SyntaxError('more is closed than was opened');
          break;
        default:
          break;
      }
    }
    if (this.#array === undefined) this.#keepRest(chunk, start, chunk.length);
    else this.#keepBegun(chunk.subarray(start));
  }

  /** All but the elements: the object with those arrays empty. Throws a SyntaxError where the object is not whole, or no JSON. */
  end(): unknown {
    if (this.#depth !== 0 || this.#inString) throw new SyntaxError('the JSON breaks off');
    return JSON.parse(Buffer.concat(this.#rest).toString('utf8'));
  }

  #takePiece(): ArrayPiece {
    const elements = this.#elements;
    this.#elements = [];
    return { name: this.#array ?? '', elements };
  }

  #endElement(chunk: Uint8Array, start: number, end: number, isLast: boolean): void {
    this.#checkElement(this.#begunBytes + end - start);
    const text = this.#begun.length === 0 ? textOf(chunk, start, end) : this.#joined(chunk.subarray(start, end));
    const isEmpty = text.length < keyBytes && text.trim() === '';
    if (isEmpty && !(isLast && this.#isFirst)) throw new SyntaxError('an element is missing');
    if (!isEmpty) this.#elements.push(text);
    this.#isFirst = false;
  }

  #joined(last: Uint8Array): string {
    const whole = Buffer.concat([...this.#begun, last]);
    this.#begun.length = 0;
    this.#begunBytes = 0;
    return whole.toString('utf8');
  }

  #keepBegun(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#begunBytes += bytes.length;
    this.#checkElement(this.#begunBytes);
    this.#begun.push(bytes);
  }

  #checkElement(bytes: number): void {
    if (bytes > this.#limits.elementBytes) throw new SyntaxError(`an element has more than ${this.#limits.elementBytes} bytes`);
  }

  #keepRest(chunk: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.#restBytes += end - start;
    if (this.#restBytes > this.#limits.restBytes) {
      throw new SyntaxError(`there are more than ${this.#limits.restBytes} bytes beside the lists`);
    }
    // A copy, lest a few bytes keep a whole chunk.
    this.#rest.push(chunk.slice(start, end));
  }
}

/** The same for a body that is a stream. `rest` gives all but the elements once they are read. */
export function splitArrays(
  body: AsyncIterable<Uint8Array>,
  names: ReadonlySet<string>,
  limits: SplitLimits,
): { readonly pieces: AsyncIterable<ArrayPiece>; rest(): unknown } {
  const splitter = new ArraySplitter(names, limits);
  async function* pieces(): AsyncGenerator<ArrayPiece> {
    for await (const chunk of body) yield* splitter.push(chunk);
  }
  return { pieces: pieces(), rest: () => splitter.end() };
}

function keyOf(bytes: readonly number[]): string {
  const text = Buffer.from(bytes).toString('utf8');
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}

function textOf(chunk: Uint8Array, start: number, end: number): string {
  return Buffer.from(chunk.buffer, chunk.byteOffset + start, end - start).toString('utf8');
}
