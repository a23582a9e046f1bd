import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ByteReader, ByteWriter } from './index.ts';

test('whole numbers of every length come back', () => {
  const writer = new ByteWriter(1);
  const numbers = Array.from({ length: 53 }, (_, power) => [2 ** power - 1, 2 ** power, 2 ** power + 1]).flat();
  for (const number of numbers) writer.varint(number);
  writer.varint(Number.MAX_SAFE_INTEGER);
  const reader = new ByteReader(writer.bytes());
  for (const number of numbers) assert.equal(reader.varint(), number);
  assert.equal(reader.varint(), Number.MAX_SAFE_INTEGER);
  assert(reader.atEnd);
});

test('numbers of either sign come back, small ones in one byte', () => {
  const writer = new ByteWriter();
  const numbers = [0, -1, 1, 63, -64, 2 ** 31, -(2 ** 31), 2 ** 52 - 1, 1 - 2 ** 52];
  for (const number of numbers) writer.signed(number);
  const reader = new ByteReader(writer.view());
  for (const number of numbers) assert.equal(reader.signed(), number);
  writer.reset();
  writer.signed(-64);
  assert.equal(writer.length, 1);
});

test('what is no whole number is refused, not bent', () => {
  const writer = new ByteWriter();
  for (const number of [-1, 0.5, NaN, Infinity, 2 ** 53, 2 ** 31 + 0.5]) assert.throws(() => writer.varint(number), RangeError);
});

test('base64 is taken only in the one spelling that it comes back in', () => {
  const writer = new ByteWriter();
  const bytes = Buffer.alloc(32, 251);
  const spelling = bytes.toString('base64').slice(0, 43);
  assert(writer.base64(spelling, 32, 'base64'));
  assert.equal(new ByteReader(writer.bytes()).base64(32, 'base64'), spelling);
  // Another alphabet, stray bits at the end, padding, a wrong length, letters that are none.
  const others = [
    bytes.toString('base64url'),
    `${spelling.slice(0, -1)}/`,
    `${spelling}=`,
    spelling.slice(1),
    `ü${spelling.slice(1)}`,
  ];
  for (const other of others) assert.equal(writer.base64(other, 32, 'base64'), false, other);
  assert.equal(writer.length, 32);
});

test('a record that is cut short is damage', () => {
  const writer = new ByteWriter();
  writer.text('grüße');
  const record = writer.bytes();
  assert.equal(new ByteReader(record).text(), 'grüße');
  assert.throws(() => new ByteReader(record.subarray(0, 4)).text(), RangeError);
  assert.throws(() => new ByteReader(Uint8Array.of(128)).varint(), RangeError);
  assert.throws(() => new ByteReader(new Uint8Array(9).fill(255)).varint(), RangeError);
});
