import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compileGlob, containsWord, parsePropertyPath, valueAtPath } from './index.ts';

const whole: readonly (readonly [pattern: string, text: string, expected: boolean])[] = [
  ['*', '', true],
  ['*', 'anything', true],
  ['', '', true],
  ['', 'a', false],
  ['?', '', false],
  ['?', '\u{1F375}', true],
  ['??', '\u{1F375}', false],
  ['*?', '\u{1F375}', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['lunc?*', 'lunch plans', true],
  ['lunc?*', 'lunc', false],
  ['*.example', 'one.example', true],
  ['*.example', 'example', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['ab*ba', 'aba', false],
  ['*aab', 'aaab', true],
  ['a**b', 'ab', true],
  ['m.room.*', 'm.room.member', true],
  ['m.room.*', 'mXroomXmember', false],
  ['*[a-z]+$', 'x[a-z]+$', true],
  ['*?b?*', 'aabbcc', true],
  ['*?z?*', 'aabbcc', false],
];

test('globs match whole texts', () => {
  for (const [pattern, text, expected] of whole) {
    assert.equal(compileGlob(pattern).matches(text), expected, `${pattern} on ${text}`);
  }
});

test('globs agree with the regular expression that they mean', () => {
  const letters = ['a', 'b', '*', '?'];
  const texts = words(['a', 'b'], 5);
  for (const pattern of words(letters, 4)) {
    const source = pattern
      .split('')
      .map((letter) => (letter === '*' ? '.*' : letter === '?' ? '.' : letter))
      .join('');
    const glob = compileGlob(pattern);
    for (const text of texts) {
      assert.equal(glob.matches(text), new RegExp(`^${source}$`).test(text), `${pattern} on ${text}`);
    }
  }
});

test('case is ignored when asked to', () => {
  assert.ok(compileGlob('LUNCH*', { ignoreCase: true }).matches('lunch at noon'));
  assert.ok(!compileGlob('LUNCH*').matches('lunch at noon'));
});

test('a question mark may stand for itself', () => {
  const glob = compileGlob('org.?', { questionMark: false });
  assert.ok(glob.matches('org.?'));
  assert.ok(!glob.matches('org.x'));
});

test('words match between word boundaries', () => {
  const example = compileGlob('ex*ple', { ignoreCase: true });
  for (const body of ['An example event.', 'exple', 'An exciting triple-whammy', 'EXAMPLE', 'complex exple']) {
    assert.ok(example.matchesWords(body), body);
  }
  for (const body of ['complexample', 'exampled', 'ex', '', 'an_example']) {
    assert.ok(!example.matchesWords(body), body);
  }
  assert.ok(compileGlob('cake').matchesWords('pancakes, cake!'));
  assert.ok(!compileGlob('cake').matchesWords('pancakes'));
  assert.ok(compileGlob('c?ke').matchesWords('a c\u{1F375}ke'));
  assert.ok(compileGlob('*cake').matchesWords('pancake'));
  assert.ok(compileGlob('cake*').matchesWords('cakes'));
  assert.ok(compileGlob('@room').matchesWords('hey @room'));
});

test('a name is found as a word, not as a pattern', () => {
  assert.ok(containsWord('hello al*ce, tea?', 'al*ce'));
  assert.ok(!containsWord('hello alice', 'al*ce'));
  assert.ok(!containsWord('malice', 'alice'));
});

test('a pattern made to be slow is not', () => {
  const text = 'a'.repeat(20_000);
  const glob = compileGlob('*a'.repeat(100) + 'b');
  assert.equal(glob.matches(text), false);
  assert.equal(glob.matchesWords(text), false);
  assert.equal(compileGlob('a?'.repeat(50) + '*b').matches(text), false);
});

test('property paths escape dots and backslashes', () => {
  assert.deepEqual(parsePropertyPath('content.body'), ['content', 'body']);
  assert.deepEqual(parsePropertyPath(String.raw`content.m\.relates_to.rel_type`), ['content', 'm.relates_to', 'rel_type']);
  assert.deepEqual(parsePropertyPath(String.raw`content.m\\foo`), ['content', String.raw`m\foo`]);
  assert.deepEqual(parsePropertyPath(String.raw`content.\x`), ['content', String.raw`\x`]);
  assert.equal(
    valueAtPath({ content: { 'm.relates_to': { rel_type: 'm.thread' } } }, ['content', 'm.relates_to', 'rel_type']),
    'm.thread',
  );
  assert.equal(valueAtPath({ content: {} }, ['content', 'constructor']), undefined);
  assert.equal(valueAtPath({ content: ['a'] }, ['content', '0']), undefined);
});

/** All words of up to `length` letters. */
function words(letters: readonly string[], length: number): string[] {
  if (length === 0) return [''];
  const shorter = words(letters, length - 1);
  return [
    ...shorter,
    ...shorter.filter((word) => word.length === length - 1).flatMap((word) => letters.map((letter) => word + letter)),
  ];
}
