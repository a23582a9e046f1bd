import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { verify } from '@node-rs/bcrypt';

import { pretendedServer, someone, temporaryDirectory, type } from './cli.fixture.ts';

function configFile(content = ''): string {
  const file = join(temporaryDirectory(), 'homeserver.yaml');
  writeFileSync(file, `server_name: example.com\n${content}\n`);
  return file;
}

describe('serving', () => {
  test('begins with one line, reads again on SIGHUP and ends in order on SIGTERM', async () => {
    const { terminal, said } = someone();
    const { start, signals, send, events, started } = pretendedServer();
    const code = type(['-c', configFile()], terminal, { start, signals });
    assert.equal((await started).server_name, 'example.com');
    await new Promise(setImmediate);
    assert.match(
      said.join('\n'),
      /^Myelin \d+\.\d+\.\d+ serves example\.com at http:\/\/127\.0\.0\.1:8008 \(SQLite in .*; started in 123 ms\)$/,
    );
    send('SIGHUP');
    send('SIGTERM');
    assert.equal(await code, 0);
    assert.deepEqual(events, ['reload', 'stop']);
  });

  test('a signal that arrives during the start is not lost', async () => {
    const { start, signals, send, events, started } = pretendedServer();
    const code = type(['-c', configFile()], someone().terminal, { start, signals });
    await started;
    send('SIGINT');
    assert.equal(await code, 0);
    assert.deepEqual(events, ['stop']);
  });

  test('a second Ctrl-C does not wait for what hangs', async () => {
    const { signals, send, server, started, start } = pretendedServer();
    const hanging = { ...server, stop: () => new Promise<void>(() => {}) };
    const code = type(['-c', configFile()], someone().terminal, {
      signals,
      start: async (...given) => (await start(...given), hanging),
    });
    await started;
    send('SIGINT');
    send('SIGINT');
    assert.equal(await code, 130);
  });

  test('options without effect are said before the server starts', async () => {
    const { terminal, complained } = someone();
    const { start, signals, send, started } = pretendedServer();
    const code = type(['-c', configFile('frobnicate: true')], terminal, { start, signals });
    await started;
    assert.deepEqual(complained, ['Warning: Some options of the configuration have no effect. Unknown: frobnicate.']);
    send('SIGTERM');
    await code;
  });

  test('what stops the start is a sentence, not a stack trace', async () => {
    const cases: [string[], Error | undefined, RegExp][] = [
      [
        ['-c', configFile('enable_search: 12')],
        undefined,
        /^Myelin cannot start:\nhomeserver\.yaml:2: enable_search must be true or false, but is 12$/,
      ],
      [
        ['-c', '/nowhere/homeserver.yaml'],
        undefined,
        /^Myelin cannot start:\n\/nowhere\/homeserver\.yaml: there is no such file$/,
      ],
      [
        ['-c', configFile()],
        Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', port: 8008 }),
        /^Myelin cannot start:\nAnother program already listens at this port 8008: stop it/,
      ],
    ];
    for (const [line, failure, complaint] of cases) {
      const { terminal, complained } = someone();
      const start = () => Promise.reject(failure ?? new Error('never reached'));
      assert.equal(await type(line, terminal, { start }), 1);
      assert.match(complained.join('\n'), complaint);
    }
  });
});

describe('the command line', () => {
  test('what it does not know is refused with where to look', async () => {
    for (const [line, complaint] of [
      [['frobnicate'], /^There is no command frobnicate\. See myelin --help\.$/],
      [['--frobnicate'], /Unknown option '--frobnicate'. See myelin --help\.$/],
      [['register-user', '--frobnicate'], /See myelin register-user --help\.$/],
      [[], /There is no configuration\. Write one: myelin --generate-config|Which configuration\?/],
    ] as const) {
      const { terminal, complained } = someone();
      assert.equal(await type(line, terminal), 2);
      assert.match(complained.join('\n'), complaint);
    }
  });

  test('--help and --version answer', async () => {
    const { terminal, said } = someone();
    assert.equal(await type(['--version'], terminal), 0);
    assert.match(said[0] ?? '', /^Myelin \d/);
    for (const line of [['--help'], ['register-user', '--help'], ['hash-password', '-h'], ['generate-signing-key', '--help']]) {
      assert.equal(await type(line, terminal), 0);
      assert.match(said.at(-1) ?? '', /^myelin.*: /);
    }
  });
});

describe('hash-password', () => {
  test('hashes with the pepper and the cost of the configuration', async () => {
    const config = configFile('bcrypt_rounds: 4\npassword_config: { pepper: salty }');
    const { terminal, said } = someone({ answers: ['sesame', 'sesame'] });
    assert.equal(await type(['hash-password', '-c', config], terminal), 0);
    assert.match(said[0] ?? '', /^\$2b\$04\$/);
    assert.equal(await verify('sesamesalty', said[0] ?? ''), true);
  });

  test('the same letters in another spelling are the same password', async () => {
    const { terminal, said } = someone({ input: 'cafe\u0301\n' });
    assert.equal(await type(['hash-password', '-r', '4'], terminal), 0);
    assert.equal(await verify('caf\u00e9', said[0] ?? ''), true);
  });

  test('asks twice, and does not take two different answers', async () => {
    const { terminal, complained, asked } = someone({ answers: ['one', 'other'] });
    assert.equal(await type(['hash-password'], terminal), 2);
    assert.deepEqual(asked, ['Password: ', 'Confirm password: ']);
    assert.deepEqual(complained, ['The passwords differ.']);
  });
});
