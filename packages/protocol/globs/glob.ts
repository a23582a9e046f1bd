/**
 * A compiled glob-style pattern. Matching takes at most (length of text × length of pattern) steps, whatever a stranger wrote:
 * no regular expression is made of it.
 * https://spec.matrix.org/v1.19/appendices/#glob-style-matching
 */
export interface Glob {
  /** Whether the whole text matches. */
  matches(text: string): boolean;
  /**
   * Whether any part of the text matches that starts and ends at a word boundary; see `containsWord`.
   * https://spec.matrix.org/v1.19/client-server-api/#conditions-1
   */
  matchesWords(text: string): boolean;
}

export interface GlobOptions {
  /** Compares the lower-case forms; default false. Text that is lower-case already costs no more. */
  readonly ignoreCase?: boolean;
  /** `?` matches one character; default true. Event filters know only `*`. */
  readonly questionMark?: boolean;
}

/** What stands between two `*`. */
interface Segment {
  readonly text: string;
  /** `text` has a `?` in it that stands for any character. */
  readonly anyCharacter: boolean;
}

/** Compiles a pattern in which `*` stands for any characters and `?` for exactly one. */
export function compileGlob(pattern: string, options: GlobOptions = {}): Glob {
  const fold = options.ignoreCase === true ? lowerCase : identity;
  const questionMark = options.questionMark ?? true;
  const segments = fold(pattern)
    // Neighbouring stars mean one star.
    .replaceAll(/\*+/g, '*')
    .split('*')
    .map((text): Segment => ({ text, anyCharacter: questionMark && text.includes('?') }));
  const [first, ...rest] = segments;
  const last = rest.pop();
  if (first === undefined) throw new Error('A split always has a first part');
  if (last === undefined) {
    return {
      matches: (text) => matchEnd(first, fold(text), 0) === fold(text).length,
      matchesWords: (text) => findWord(first, fold(text)),
    };
  }
  return {
    matches: (text) => matchesWhole(fold(text), first, rest, last),
    matchesWords: (text) => matchesWords(fold(text), first, rest, last),
  };
}

/**
 * Whether the text contains the words, between word boundaries, compared as they are. A word boundary is the start or the end
 * of the text, or any character but `A-Z`, `a-z`, `0-9` and `_`.
 */
export function containsWord(text: string, words: string): boolean {
  return findWord({ text: words, anyCharacter: false }, text);
}

function matchesWhole(text: string, first: Segment, middle: readonly Segment[], last: Segment): boolean {
  const start = matchEnd(first, text, 0);
  if (start < 0) return false;
  const end = matchStart(last, text, text.length);
  if (end < start) return false;
  // Taking the first place that fits leaves the most room for what follows.
  const reached = skip(middle, text, start);
  return reached >= 0 && reached <= end;
}

function matchesWords(text: string, first: Segment, middle: readonly Segment[], last: Segment): boolean {
  // A star at either end reaches the end of the text, which is a boundary.
  let start = 0;
  if (first.text !== '') {
    let found = find(first, text, 0);
    while (found >= 0 && !isBoundary(text, found)) found = find(first, text, found + 1);
    if (found < 0) return false;
    start = matchEnd(first, text, found);
  }
  const reached = skip(middle, text, start);
  if (reached < 0) return false;
  if (last.text === '') return true;
  let found = find(last, text, reached);
  while (found >= 0 && !isBoundary(text, matchEnd(last, text, found))) found = find(last, text, found + 1);
  return found >= 0;
}

function findWord(segment: Segment, text: string): boolean {
  let found = find(segment, text, 0);
  while (found >= 0) {
    if (isBoundary(text, found) && isBoundary(text, matchEnd(segment, text, found))) return true;
    if (found >= text.length) return false;
    found = find(segment, text, found + 1);
  }
  return false;
}

/** Where the text goes on after the segments, each at its first place; -1 where one is missing. */
function skip(segments: readonly Segment[], text: string, from: number): number {
  let position = from;
  for (const segment of segments) {
    const found = find(segment, text, position);
    if (found < 0) return -1;
    position = matchEnd(segment, text, found);
  }
  return position;
}

function find(segment: Segment, text: string, from: number): number {
  if (!segment.anyCharacter) return text.indexOf(segment.text, from);
  for (let start = from; start < text.length; start++) {
    if (matchEnd(segment, text, start) >= 0) return start;
  }
  return -1;
}

/** Where the segment ends that starts at `start`; -1 where it does not match. */
function matchEnd(segment: Segment, text: string, start: number): number {
  if (!segment.anyCharacter) return text.startsWith(segment.text, start) ? start + segment.text.length : -1;
  let position = start;
  for (let index = 0; index < segment.text.length; index++) {
    if (position >= text.length) return -1;
    if (segment.text[index] === '?') position += isPair(text, position) ? 2 : 1;
    else if (segment.text[index] === text[position]) position += 1;
    else return -1;
  }
  return position;
}

/** Where the segment starts that ends at `end`; -1 where it does not match. */
function matchStart(segment: Segment, text: string, end: number): number {
  if (!segment.anyCharacter) return text.endsWith(segment.text) ? end - segment.text.length : -1;
  let position = end;
  for (let index = segment.text.length - 1; index >= 0; index--) {
    if (position <= 0) return -1;
    if (segment.text[index] === '?') position -= position > 1 && isPair(text, position - 2) ? 2 : 1;
    else if (segment.text[index] === text[position - 1]) position -= 1;
    else return -1;
  }
  return position;
}

/** A character beyond U+FFFF takes two places in a JavaScript string and is one character all the same. */
function isPair(text: string, position: number): boolean {
  return (text.codePointAt(position) ?? 0) > 0xffff;
}

function isBoundary(text: string, position: number): boolean {
  if (position === 0 || position === text.length) return true;
  return !isWordCharacter(text.charCodeAt(position - 1)) || !isWordCharacter(text.charCodeAt(position));
}

function isWordCharacter(code: number): boolean {
  const isDigit = code >= 48 && code <= 57;
  const isUpper = code >= 65 && code <= 90;
  const isLower = code >= 97 && code <= 122;
  return isDigit || isUpper || isLower || code === 95;
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}

function identity(text: string): string {
  return text;
}
