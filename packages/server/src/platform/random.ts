import { randomBytes, randomInt } from 'node:crypto';

import { seededFractions } from '@myelin/protocol/fixtures';

/** Chance, as an argument: whoever needs it is given one, so that tests can repeat themselves. */
export interface Random {
  /** `length` characters of `a–z A–Z 0–9`, each with 5.95 bits: fit for secrets, safe in URLs. */
  token(length: number): string;
  /** `count` bytes fit for secrets. */
  bytes(count: number): Uint8Array;
  /** A whole number from `from` (included) to `to` (not included); `to − from` at most 2^48 − 1. */
  integer(from: number, to: number): number;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
// The largest multiple of 62 that a byte can hold: bytes from there on would favour the first letters.
const FAIR_BYTES = 256 - (256 % LETTERS.length);

/** The machine's source of randomness. */
export const systemRandom: Random = {
  token: (length) => tokenFrom(randomBytes, length),
  bytes: (count) => randomBytes(count),
  integer: (from, to) => randomInt(from, to),
};

function tokenFrom(bytes: (count: number) => Uint8Array, length: number): string {
  let token = '';
  while (token.length < length) {
    for (const byte of bytes(length - token.length + 8)) {
      if (byte < FAIR_BYTES && token.length < length) token += LETTERS[byte % LETTERS.length];
    }
  }
  return token;
}

/** Chance that repeats itself: the same `seed` gives the same sequence. For tests only. */
export function createSeededRandom(seed: number): Random {
  const next = seededFractions(seed);
  const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => Math.floor(next() * 256));
  return {
    token: (length) => tokenFrom(bytes, length),
    bytes,
    integer: (from, to) => from + Math.floor(next() * (to - from)),
  };
}
