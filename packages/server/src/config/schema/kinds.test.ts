import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  bool,
  choice,
  duration,
  endlessDuration,
  group,
  integer,
  list,
  mapOf,
  maybe,
  nearestName,
  option,
  Reading,
  size,
  spellPath,
  text,
} from './index.ts';
import type { Kind } from './index.ts';

function read<T>(kind: Kind<T>, found: unknown): { value: T | undefined; problems: string[] } {
  const reading = new Reading();
  const value = kind.read(found, ['it'], reading);
  return { value, problems: reading.problems.map(({ path, message }) => `${spellPath(path)} ${message}`) };
}

describe('kinds of values', () => {
  test('durations are milliseconds, or a whole number with a unit', () => {
    const written = {
      0: 0,
      1500: 1500,
      '30s': 30_000,
      '5m': 300_000,
      '12h': 43_200_000,
      '7d': 604_800_000,
      '1w': 604_800_000,
      '2y': 63_072_000_000,
      '90': 90,
    };
    for (const [found, milliseconds] of Object.entries(written)) assert.equal(read(duration, found).value, milliseconds, found);
    assert.equal(read(duration, 1500).value, 1500);
  });

  test('what is not a duration is refused with what would be one', () => {
    for (const found of [
      '5 minutes',
      '1.5h',
      '-3d',
      'infinity',
      '',
      'd',
      -1,
      0.5,
      true,
      null,
      [],
      '9999999999999999y',
      '5constructor',
    ]) {
      const { value, problems } = read(duration, found);
      assert.equal(value, undefined, String(found));
      assert.match(problems[0] ?? '', /^it must be a duration such as "30s"/);
    }
  });

  test('a lifetime may be without end', () => {
    assert.equal(read(endlessDuration, 'infinity').value, null);
    assert.equal(read(endlessDuration, null).value, null);
    assert.equal(read(endlessDuration, '1d').value, 86_400_000);
  });

  test('sizes are powers of 1024', () => {
    const written = {
      '50M': 52_428_800,
      '87KiB': 89_088,
      '10K': 10_240,
      '2G': 2_147_483_648,
      '1T': 1_099_511_627_776,
      '512': 512,
      '1MB': 1_048_576,
    };
    for (const [found, bytes] of Object.entries(written)) assert.equal(read(size, found).value, bytes, found);
    assert.equal(read(size, '50 megabytes').value, undefined);
  });

  test('an error names the entry of the list, what was found and what is allowed', () => {
    const { problems } = read(list(integer({ min: 1, max: 9 })), [1, 'two', 3, 10]);
    assert.deepEqual(problems, [
      'it[1] must be a whole number from 1 to 9, but is the text "two"',
      'it[3] must be a whole number from 1 to 9, but is 10',
    ]);
  });

  test('all problems of a mapping are found at once, and unknown names noted with the nearest known one', () => {
    const reading = new Reading();
    const kind = group({
      enabled: option(bool, 'On or off.', { default: true }),
      mode: option(choice('all', 'none'), 'Which.', { default: 'all' }),
      name: option(text, 'A name that must be given.'),
    });
    kind.read({ enabled: 'maybe', mode: 'some', enbled: true }, ['section'], reading);
    assert.deepEqual(
      reading.problems.map(({ path }) => spellPath(path)),
      ['section.enabled', 'section.mode', 'section.name'],
    );
    assert.deepEqual(reading.unknown, [{ path: 'section.enbled', near: 'enabled' }]);
  });

  test('nothing stands for the empty list and mapping, but not for a value', () => {
    assert.deepEqual(read(list(text), null).value, []);
    assert.deepEqual(read(mapOf(text), null).value, {});
    assert.deepEqual(read(text, null).problems, ['it must be text, but is empty']);
    assert.equal(read(maybe(text), null).value, null);
  });

  test('a number where text is wanted is taken by its digits', () => {
    assert.equal(read(text, 12).value, '12');
    assert.equal(read(text, true).value, undefined);
  });

  test('a name is only suggested when it is near', () => {
    const known = ['enable_registration', 'server_name', 'listeners'];
    assert.equal(nearestName('enable_registartion', known), 'enable_registration');
    assert.equal(nearestName('listener', known), 'listeners');
    assert.equal(nearestName('coffee_machine', known), undefined);
  });
});
