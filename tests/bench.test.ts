import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const program = join(import.meta.dirname, '..', 'bench', 'run.ts');

interface Numbers {
  readonly outcomes: readonly {
    readonly scenario: string;
    readonly results: readonly { readonly server: string; readonly measurements: readonly { what: string; value: number }[] }[];
  }[];
}

test('the benchmark starts Myelin, talks to it and writes numbers down', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'myelin-bench-test-'));
  try {
    const file = join(directory, 'numbers.json');
    const { stdout } = await run(process.execPath, [program, '--quick', '--only', 'start,sends', '--json', file]);
    assert.match(stdout, /1 sender/);
    const { outcomes } = JSON.parse(await readFile(file, 'utf8')) as Numbers;
    assert.deepEqual(
      outcomes.map(({ scenario }) => scenario),
      ['start', 'sends'],
    );
    for (const { results } of outcomes) {
      assert.equal(results[0]?.server, 'Myelin');
      assert.ok(results[0].measurements.length > 0);
      for (const { what, value } of results[0].measurements) assert.ok(value >= 0, `${what}: ${value}`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('the benchmark says what it has not got, and what it has', async () => {
  await assert.rejects(
    run(process.execPath, [program, '--only', 'flights']),
    ({ code, stderr }: { code: number; stderr: string }) => {
      assert.equal(code, 2);
      assert.match(stderr, /There is no scenario flights; there are start, .*sends/);
      return true;
    },
  );
});
