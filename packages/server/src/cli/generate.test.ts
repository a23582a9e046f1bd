import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { loadConfig, readSigningKeys } from '../config/index.ts';
import { someone, temporaryDirectory, type } from './cli.fixture.ts';

describe('a new configuration', () => {
  test('is written with all that it names, and loads without a warning', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'homeserver.yaml');
    const { terminal, said } = someone();
    const code = await type(
      ['--generate-config', '-c', file, '-H', 'example.com', '--report-stats=no', '--data-directory', directory],
      terminal,
    );
    assert.equal(code, 0);
    assert.deepEqual(readdirSync(directory).toSorted(), ['example.com.log.config', 'example.com.signing.key', 'homeserver.yaml']);
    assert.equal(said.length, 3);

    const { config, warnings } = loadConfig([file]);
    assert.deepEqual(warnings, []);
    assert.equal(config.server_name, 'example.com');
    assert.equal(config.enable_registration, false);
    assert.deepEqual(config.database, { name: 'sqlite3', file: join(directory, 'homeserver.db'), durability: 'full' });
    assert.deepEqual(config.listeners[0]?.address, { kind: 'tcp', port: 8008, addresses: ['::1', '127.0.0.1'] });
    assert.equal(config.log.level, 'info');
    assert.deepEqual(
      config.log.outputs.map(({ kind, level }) => [kind, level]),
      [
        ['file', 'trace'],
        ['console', 'warn'],
      ],
    );
    assert.match(readSigningKeys(config.signing_key_path)[0].keyId, /^ed25519:a_/);
    const secrets = [config.registration_shared_secret, config.macaroon_secret_key, config.form_secret];
    assert.equal(new Set(secrets).size, 3);
    for (const secret of secrets) assert.ok(secret !== null && secret.length >= 40);
  });

  test('keeps its secrets to itself: only the owner may read them', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'homeserver.yaml');
    const line = [
      '--generate-config',
      '-c',
      file,
      '-H',
      'example.com',
      '--no-secrets-in-config',
      '--keys-directory',
      join(directory, 'keys'),
    ];
    assert.equal(await type(line, someone().terminal), 0);
    const { config } = loadConfig([file]);
    const text = readFileSync(file, 'utf8');
    for (const name of ['registration_shared_secret', 'macaroon_secret_key', 'form_secret'] as const) {
      const secret = config[name];
      assert.ok(secret !== null && secret.length >= 40 && !text.includes(secret), name);
    }
    const keys = readdirSync(join(directory, 'keys')).map((name) => join(directory, 'keys', name));
    assert.equal(keys.length, 4);
    for (const path of [file, ...keys]) assert.equal(statSync(path).mode & 0o777, 0o600, path);
  });

  test('replaces nothing that is there', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'homeserver.yaml');
    const line = ['--generate-config', '-c', file, '-H', 'example.com'];
    await type(line, someone().terminal);
    const key = join(directory, 'example.com.signing.key');
    const before = [readFileSync(file, 'utf8'), readFileSync(key, 'utf8')];
    const { terminal, said } = someone();
    assert.equal(await type(line, terminal), 0);
    assert.deepEqual([readFileSync(file, 'utf8'), readFileSync(key, 'utf8')], before);
    assert.match(said.join('\n'), /is there already and stays as it is/);
  });

  test('needs a file and a name', async () => {
    const file = join(temporaryDirectory(), 'homeserver.yaml');
    for (const [line, complaint] of [
      [['--generate-config', '-H', 'example.com'], /needs one file to write/],
      [['--generate-config', '-c', file], /needs the name of the server/],
      [['--generate-config', '-c', file, '-H', 'https://example.com'], /is not the name of a server/],
      [['--generate-config', '-c', file, '-H', 'example.com', '--report-stats', 'maybe'], /must be yes or no/],
    ] as const) {
      const { terminal, complained } = someone();
      assert.equal(await type(line, terminal), 2);
      assert.match(complained.join('\n'), complaint);
    }
    assert.equal(existsSync(file), false);
  });

  test('--open-private-ports listens everywhere; --public-baseurl is for clients', async () => {
    const file = join(temporaryDirectory(), 'homeserver.yaml');
    await type(
      ['--generate-config', '-c', file, '-H', 'x.org', '--open-private-ports', '--public-baseurl', 'https://m.x.org'],
      someone().terminal,
    );
    const { config } = loadConfig([file]);
    assert.deepEqual(config.listeners[0]?.address, { kind: 'tcp', port: 8008, addresses: ['::', '0.0.0.0'] });
    assert.equal(config.public_baseurl, 'https://m.x.org/');
    assert.equal(config.serve_client_wellknown, true);
  });

  test('--generate-keys writes what an existing configuration names', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'homeserver.yaml');
    const log = join(directory, 'log.yaml');
    writeFileSync(file, `server_name: example.com\nlog_config: ${log}\n`);
    assert.equal(await type(['--generate-keys', '-c', file], someone().terminal), 0);
    assert.ok(existsSync(log));
    assert.equal(readSigningKeys(loadConfig([file]).config.signing_key_path).length, 1);
  });
});

describe('signing keys', () => {
  test('a new one goes to the terminal, or to a file that is not there yet', async () => {
    const file = join(temporaryDirectory(), 'signing.key');
    const { terminal, said } = someone();
    assert.equal(await type(['generate-signing-key'], terminal), 0);
    assert.match(said[0] ?? '', /^ed25519 a_\w+ [A-Za-z0-9+/]{43}$/);
    assert.equal(await type(['generate-signing-key', '-o', file], terminal), 0);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(await type(['generate-signing-key', '-o', file], terminal), 2);
  });

  test('a file without one stops the start with a sentence', () => {
    const file = join(temporaryDirectory(), 'signing.key');
    assert.throws(() => readSigningKeys(file), /there is no such file/);
    writeFileSync(file, 'rsa 1 abc\n');
    assert.throws(() => readSigningKeys(file), /signing\.key: Expected "ed25519/);
  });
});
