import assert from 'node:assert/strict';
import { test } from 'node:test';

import { randomJson, seededRandom } from '@myelin/protocol/fixtures';

import { ArraySplitter, type ArrayPiece, type SplitLimits } from './split-arrays.ts';

const limits: SplitLimits = { elementBytes: 100_000, restBytes: 100_000, elementsAtOnce: 3 };
const names = new Set(['state', 'auth_chain']);

/** Splits a text that comes in chunks of these sizes, over and over. */
function split(text: string, sizes: readonly number[] = [7], within: SplitLimits = limits) {
  const splitter = new ArraySplitter(names, within);
  const bytes = Buffer.from(text);
  const pieces: ArrayPiece[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    // A copy that is overwritten afterwards: what is kept must not lean on it, unless it is kept whole.
    pieces.push(...splitter.push(Buffer.from(bytes.subarray(at, at + size))));
    at += size;
  }
  const elements = (name: string): unknown[] =>
    pieces.filter((piece) => piece.name === name).flatMap((piece) => piece.elements.map((element) => JSON.parse(element)));
  return { state: elements('state'), authChain: elements('auth_chain'), rest: splitter.end(), pieces };
}

test('any object comes apart into its lists and the rest, wherever its chunks end', () => {
  const random = seededRandom(26);
  for (let round = 0; round < 400; round++) {
    const list = (): unknown[] => Array.from({ length: random.below(9) }, () => randomJson(random));
    const object: Record<string, unknown> = { before: randomJson(random), state: list(), 'x"[,': randomJson(random) };
    if (random.below(2) === 1) object['auth_chain'] = list();
    object['after'] = { state: list(), auth_chain: randomJson(random) };
    const text = JSON.stringify(object, undefined, random.below(2) * 2);
    const sizes = Array.from({ length: 5 }, () => 1 + random.below(40));
    const { state, authChain, rest } = split(text, sizes);
    assert.deepEqual(state, object['state'], text);
    assert.deepEqual(authChain, object['auth_chain'] ?? [], text);
    const emptied = { ...object, state: [], ...('auth_chain' in object && { auth_chain: [] }) };
    assert.deepEqual(rest, JSON.parse(JSON.stringify(emptied)), text);
  }
});

test('elements come some at a time, while the rest is still on its way', () => {
  const splitter = new ArraySplitter(names, limits);
  const pieces = [...splitter.push(Buffer.from('{"state":[1,2,3,4,'))];
  assert.deepEqual(pieces, [{ name: 'state', elements: ['1', '2', '3'] }]);
  assert.deepEqual([...splitter.push(Buffer.from(' 5 ]}'))], [{ name: 'state', elements: ['4', ' 5 '] }]);
  assert.deepEqual(splitter.end(), { state: [] });
});

test('a key is a key however it is spelt, and what only looks like one is none', () => {
  assert.deepEqual(split('{"st\\u0061te":[1],"name":"state","list":[[2]],"deep":{"state":[3]}}').state, [1]);
  assert.deepEqual(split('{"name":"state","auth_chain":null,"state":{"state":[1]}}').state, []);
  assert.deepEqual(split('[["state",[1]]]').rest, [['state', [1]]]);
});

for (const text of [
  '{"state":[1,2',
  '{"state":[1,2]',
  '{"state":[1}}',
  '{"state":[1,,2]}',
  '{"state":[1,]}',
  '{"state":[,1]}',
  ']',
  '{"a":"',
  '{"a"}',
  '',
]) {
  test(`${JSON.stringify(text)} is no object in good order`, () => {
    assert.throws(() => split(text), SyntaxError);
    assert.throws(() => split(text, [1]), SyntaxError);
  });
}

test('what is too long is refused before it is all there', () => {
  const long = { ...limits, elementBytes: 20, restBytes: 30 };
  assert.throws(() => split(`{"state":["${'x'.repeat(30)}`, [5], long), /more than 20 bytes/);
  assert.throws(() => split(`{"state":["${'x'.repeat(30)}"]}`, [500], long), /more than 20 bytes/);
  assert.throws(() => split(`{"state":[],"x":"${'x'.repeat(30)}`, [5], long), /more than 30 bytes/);
});
