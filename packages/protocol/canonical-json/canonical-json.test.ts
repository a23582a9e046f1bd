import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { randomJson, reordered } from '../fixtures/random-json.ts';
import { seededRandom } from '../fixtures/seeded-random.ts';
import {
  CanonicalJsonError,
  codePointOrder,
  encodeCanonicalJson,
  encodeLenientCanonicalJson,
  own,
  mayHoldInexactNumbers,
  parseExactJson,
  parseJson,
} from './index.ts';

/** https://spec.matrix.org/v1.19/appendices/#examples */
const specExamples: [given: string, canonical: string][] = [
  ['{}', '{}'],
  ['{"one": 1, "two": "Two"}', '{"one":1,"two":"Two"}'],
  ['{"b": "2", "a": "1"}', '{"a":"1","b":"2"}'],
  ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
  [
    `{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe", "three_pids": [
      {"medium": "email", "address": "john.doe@example.org"}, {"medium": "msisdn", "address": "123456789"}]}}}`,
    '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
  ],
  ['{"a": "日本語"}', '{"a":"日本語"}'],
  ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
  ['{"a": "\\u65E5"}', '{"a":"日"}'],
  ['{"a": null}', '{"a":null}'],
  ['{"a": -0, "b": 1e10}', '{"a":0,"b":10000000000}'],
];

suite('canonical JSON', () => {
  for (const [given, canonical] of specExamples) {
    test(`the specification's example ${given.slice(0, 40)}`, () => {
      assert.equal(encodeCanonicalJson(parseJson(given)), canonical);
    });
  }

  test('keys beyond the basic plane stand behind all others, though their UTF-16 units are smaller', () => {
    const keys = ['\u{10ffff}', '\uffff', '\u{1f600}', '\ue000', '\ud7ff', 'z', 'Z', ''];
    const byCodePoint = ['', 'Z', 'z', '\ud7ff', '\ue000', '\uffff', '\u{1f600}', '\u{10ffff}'];
    assert.deepEqual(keys.toSorted(codePointOrder), byCodePoint);
    assert.equal(encodeCanonicalJson({ '\u{1f600}': 1, '\uff01': 2 }), '{"\uff01":2,"\u{1f600}":1}');
  });

  test('keys that look like integers are sorted as text', () => {
    assert.equal(encodeCanonicalJson({ 9: 1, 10: 2, 1: 3, '-': 4, '01': 5 }), '{"-":4,"01":5,"1":3,"10":2,"9":1}');
  });

  test('__proto__ is a key like any other', () => {
    const value = parseJson('{"a":1,"__proto__":{"admin":true}}');
    assert.equal(encodeCanonicalJson(value), '{"__proto__":{"admin":true},"a":1}');
    assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
    assert.equal(value['admin'], undefined);
    assert.deepEqual(own(value, '__proto__'), { admin: true });
    assert.equal(own(value, 'constructor'), undefined);
  });

  test('members that are undefined are left out, wherever they stand', () => {
    assert.equal(encodeCanonicalJson({ b: undefined, a: 1 }), '{"a":1}');
    assert.equal(encodeCanonicalJson({ c: 1, b: undefined, a: { z: undefined } }), '{"a":{},"c":1}');
  });

  test('only control characters, quotes and backslashes are escaped, in the shortest way', () => {
    assert.equal(
      encodeCanonicalJson('\u0000\b\t\n\u000b\f\r\u001f"\\/\u007f\u2028'),
      '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\"\\\\/\u007f\u2028"',
    );
  });

  const refused: [name: string, value: unknown, message: RegExp][] = [
    ['2^53', { content: { level: 2 ** 53 } }, /content\.level is an integer beyond/],
    ['-2^53', [-(2 ** 53)], /\[0\] is an integer beyond/],
    ['a float', { a: [1, 1.5] }, /a\[1\] is not an integer/],
    ['NaN', Number.NaN, /The value is not a finite number/],
    ['infinity', { a: Number.POSITIVE_INFINITY }, /a is not a finite number/],
    ['a lone surrogate', { body: 'x\ud800y' }, /body has a lone surrogate/],
    ['a lone surrogate as key', { content: { 'x\udc00': 1 } }, /content has a key with a lone surrogate/],
    ['undefined in a list', { a: [undefined] }, /a\[0\] is of type undefined/],
    ['undefined itself', undefined, /The value is of type undefined/],
    ['a bigint', { a: 1n }, /a is of type bigint/],
    ['a function called toJSON', { toJSON: () => 'ha' }, /toJSON is of type function/],
  ];
  for (const [name, value, message] of refused) {
    test(`${name} is refused, with its place`, () => {
      assert.throws(
        () => encodeCanonicalJson(value),
        (error) => error instanceof CanonicalJsonError && message.test(error.message),
      );
    });
  }

  test('the text "\\ud800" behind a backslash is no lone surrogate', () => {
    assert.equal(encodeCanonicalJson({ body: '\\ud800' }), '{"body":"\\\\ud800"}');
  });

  test('old room versions keep floats and great integers, and nothing else', () => {
    assert.equal(encodeLenientCanonicalJson({ b: 1.5, a: 2 ** 53, c: -0 }), '{"a":9007199254740992,"b":1.5,"c":0}');
    assert.throws(() => encodeLenientCanonicalJson({ a: Number.NaN }), CanonicalJsonError);
    assert.throws(() => encodeLenientCanonicalJson('\udfff'), CanonicalJsonError);
  });

  test('numbers of old events come back as the server that hashed them wrote them', () => {
    const cases: [given: string, canonical: string][] = [
      ['{"w": 640.0}', '{"w":640.0}'],
      ['9223372036854775807', '9223372036854775807'],
      ['[-0, -0.0, 0.0, 1e2, 1E+16, 123456789012345680.0]', '[0,-0.0,0.0,100.0,1e+16,1.2345678901234568e+17]'],
      ['[0.0001, 0.00001, 1.50, -2.5e-10, 1e300]', '[0.0001,1e-05,1.5,-2.5e-10,1e+300]'],
      ['{"b": 1.0, "a": {"2": 1.0, "10": 7}}', '{"a":{"10":7,"2":1.0},"b":1.0}'],
      ['{"b": 1.0, "a": "1.0"}', '{"a":"1.0","b":1.0}'],
    ];
    for (const [given, canonical] of cases) assert.equal(encodeLenientCanonicalJson(parseExactJson(given)), canonical);
    assert.deepEqual(parseExactJson('{"a": [1, "2.5"]}'), { a: [1, '2.5'] });
    assert.throws(() => encodeCanonicalJson(parseExactJson('{"w": 640.0}')), /w is a float/);
    assert.throws(() => encodeLenientCanonicalJson(parseExactJson('1e999')), CanonicalJsonError);
  });

  test('texts whose numbers need care are told from those that only look so', () => {
    for (const text of ['640.0', '{"a":1e2}', '{"a": [1, -0.5]}', '[ 12345678901234567]', '{"a":\n\t2E3}', '[0,7.0]']) {
      assert.equal(mayHoldInexactNumbers(text), true, text);
    }
    for (const text of [
      '{"a":"1.5"}',
      '{"sha256":"q1e7+2E9"}',
      '["$4e3.example", 7]',
      '{"ts":1700000000000}',
      '{"depth":123456789012345}',
    ]) {
      assert.equal(mayHoldInexactNumbers(text), false, text);
    }
  });

  test('nesting without end is refused before it costs a stack', () => {
    const bomb = '['.repeat(200_000) + ']'.repeat(200_000);
    assert.throws(() => parseJson(bomb), CanonicalJsonError);
    assert.throws(() => encodeCanonicalJson(JSON.parse(bomb)), /nested deeper than 1000/);
    assert.deepEqual(parseJson('[[[]]]', { maxDepth: 3 }), [[[]]]);
    assert.throws(() => parseJson('[[[]]]', { maxDepth: 2 }), CanonicalJsonError);
    const deep = `${'{"b":1,"a":'.repeat(1000)}1${'}'.repeat(1000)}`;
    assert.equal(encodeCanonicalJson(parseJson(deep)).length, deep.length);
  });

  test('text that is no JSON is a SyntaxError', () => {
    for (const text of ['', '{', "{'a':1}", '[1,]', 'NaN', '\ufeff{}']) assert.throws(() => parseJson(text), SyntaxError, text);
  });

  test('any value reads back equal, whatever order its members came in, and is written the same way again', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = seededRandom(seed);
      const value = randomJson(random, 5);
      const text = encodeCanonicalJson(value);
      assert.deepEqual(parseJson(text), value, `seed ${seed}`);
      assert.equal(encodeCanonicalJson(reordered(value, random)), text, `seed ${seed}`);
      assert.equal(encodeCanonicalJson(parseJson(text)), text, `seed ${seed}`);
      assertSorted(text, seed);
    }
  });
});

/** Reads the keys off the text itself, so that no object's own order gets in between. */
function assertSorted(text: string, seed: number): void {
  const open: (string | undefined)[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*":?|[{}[\]]/g)) {
    if (token === '{' || token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, -1)) as string;
      const previous = open.pop();
      assert.ok(previous === undefined || Buffer.compare(Buffer.from(previous), Buffer.from(key)) < 0, `seed ${seed}: ${text}`);
      open.push(key);
    }
  }
}
