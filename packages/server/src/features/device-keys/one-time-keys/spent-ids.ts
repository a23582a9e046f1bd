import { decodeBase64, encodeBase64 } from '@myelin/protocol/signatures';

/** Ids of keys that were given out: the numbers from `first` to `last` of a family. An id that is no number is a family of its own. */
export interface SpentRange {
  readonly family: string;
  readonly first: number;
  readonly last: number;
}

/** An id of a key as a number among its like. */
export interface NumberedId {
  readonly family: string;
  readonly number: number;
}

/** libolm counts in four bytes, vodozemac in eight. */
const counterBytes = [4, 8];

/**
 * The number behind the id of a key. Clients count their one-time keys and write the number in base64, big-endian; any other id is
 * number 0 of a family that has its name.
 */
export function numberedId(keyId: string): NumberedId {
  const bytes = decodeBase64(keyId);
  if (bytes && counterBytes.includes(bytes.length) && encodeBase64(bytes) === keyId) {
    const number = bytes.length === 4 ? bytes.readUInt32BE() : Number(bytes.readBigUInt64BE());
    // The neighbours of a number must be exact as well.
    if (number < Number.MAX_SAFE_INTEGER) return { family: `#${bytes.length}`, number };
  }
  return { family: `=${keyId}`, number: 0 };
}

/** Whether one of the ranges holds this id. */
export function isSpent(id: NumberedId, ranges: readonly SpentRange[]): boolean {
  return ranges.some(({ family, first, last }) => family === id.family && first <= id.number && id.number <= last);
}

/**
 * What becomes of ranges when these ids are spent too: which of them are gone, and which are there instead. Ranges that meet become one.
 */
export function addSpentIds(
  ranges: readonly SpentRange[],
  ids: readonly NumberedId[],
): { readonly gone: readonly SpentRange[]; readonly fresh: readonly SpentRange[] } {
  const all = [...ranges, ...ids.map(({ family, number }) => ({ family, first: number, last: number }))];
  const merged: SpentRange[] = [];
  for (const range of all.toSorted(byPlace)) {
    const before = merged.at(-1);
    if (before?.family === range.family && range.first <= before.last + 1) {
      merged[merged.length - 1] = { ...before, last: Math.max(before.last, range.last) };
    } else merged.push(range);
  }
  const isSame = (one: SpentRange) => (other: SpentRange) =>
    one.family === other.family && one.first === other.first && one.last === other.last;
  return {
    gone: ranges.filter((range) => !merged.some(isSame(range))),
    fresh: merged.filter((range) => !ranges.some(isSame(range))),
  };
}

function byPlace(one: SpentRange, other: SpentRange): number {
  if (one.family !== other.family) return one.family < other.family ? -1 : 1;
  return one.first - other.first;
}
