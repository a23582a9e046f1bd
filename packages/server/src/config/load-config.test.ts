import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { ConfigError, loadConfig, options, sections } from './index.ts';
import { Reading } from './schema/index.ts';
import type { Option } from './schema/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'config-'));
after(() => rmSync(directory, { recursive: true }));
let files = 0;

/** A file with this content. */
function file(content: string, name = `${String(files++).padStart(3, '0')}.yaml`): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function load(content: string) {
  return loadConfig([file(`server_name: example.com\n${content}`)]);
}

/** The lines of the error that this configuration causes. */
function complaints(content: string): string[] {
  try {
    load(content);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n').map((line) => line.replace(/^\S+\.yaml:/, ''));
  }
  return [];
}

describe('defaults', () => {
  test('every default is a legal value of its own option', () => {
    for (const [name, { kind, default: written }] of Object.entries(options)) {
      if (written === undefined) continue;
      const reading = new Reading();
      kind.read(written, [name], reading);
      assert.deepEqual([reading.problems, reading.unknown], [[], []], name);
    }
  });

  test('every option belongs to one section and says what it is for', () => {
    const names = sections.flatMap((section) => Object.keys(section.options));
    assert.equal(new Set(names).size, names.length);
    for (const { help } of Object.values<Option<unknown>>(options)) assert.match(help, /\.$/);
  });

  test('an option that nothing acts on says so', () => {
    const source = new URL('..', import.meta.url);
    const readers = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.includes('.test.') && !path.startsWith(join('config', 'sections')))
      .map((path) => readFileSync(new URL(path, source), 'utf8'))
      .join('\n');
    const words = new Set(readers.match(/\w+/g));
    const silent = Object.entries<Option<unknown>>(options)
      // A secret from a file is read under its own name.
      .filter(([name, { support }]) => support === undefined && !words.has(name) && !words.has(name.replace(/_path$/, '')))
      .map(([name]) => name);
    assert.deepEqual(silent, []);
  });

  test('a server name is enough', () => {
    const { config, warnings } = load('');
    assert.deepEqual(warnings, []);
    assert.equal(config.public_baseurl, 'https://example.com/');
    assert.equal(config.serve_client_wellknown, false);
    assert.equal(config.default_room_version, '12');
    assert.equal(config.enable_registration, false);
    assert.equal(config.signing_key_path, join(directory, 'example.com.signing.key'));
    assert.equal(config.cache_memory, 128 * 1024 * 1024);
    assert.deepEqual(config.database, { name: 'sqlite3', file: join(process.cwd(), 'homeserver.db'), durability: 'full' });
    assert.deepEqual(config.listeners[0]?.address, { kind: 'tcp', port: 8008, addresses: ['::1', '127.0.0.1'] });
    assert.deepEqual(config.rc_login.failed_attempts, { perSecond: 0.17, burstCount: 3 });
    assert.equal(config.rc_admin_redaction, null);
    assert.deepEqual(config.ui_auth, { session_timeout: 0 });
    assert.equal(config.password_config.pepper, '');
  });
});

describe('files', () => {
  test('of several files the later wins, option by option', () => {
    const first = file('server_name: first.example\nrc_message: { per_second: 9, burst_count: 90 }\nenable_search: false');
    const second = file('server_name: second.example\nrc_message: { per_second: 1 }');
    const { config } = loadConfig([first, second]);
    assert.equal(config.server_name, 'second.example');
    assert.equal(config.enable_search, false);
    assert.deepEqual(config.rc_message, { perSecond: 1, burstCount: 10 });
    assert.deepEqual(config.config_files, [first, second]);
  });

  test('of a directory the .yaml files are read in order of name', () => {
    mkdirSync(join(directory, 'conf.d'));
    file('server_name: a.example', 'conf.d/10-a.yaml');
    file('server_name: b.example', 'conf.d/20-b.yaml');
    file('server_name: never.example', 'conf.d/30-c.yaml.bak');
    assert.equal(loadConfig([join(directory, 'conf.d')]).config.server_name, 'b.example');
  });

  test('YAML is read as Synapse reads it: yes and off, anchors, merge keys, octal numbers', () => {
    const { config } = load(`
encryption_enabled_by_default_for_room_type: off
enable_search: no
listeners:
  - { path: /run/matrix.sock, mode: 0660, resources: [{ names: [client] }] }
rc_message: &slow { per_second: 0.5, burst_count: 5 }
rc_reports:
  <<: *slow
  burst_count: 7
user_consent: { version: 2026-11-01 }
`);
    assert.equal(config.encryption_enabled_by_default_for_room_type, 'off');
    assert.equal(config.enable_search, false);
    assert.deepEqual(config.listeners[0]?.address, { kind: 'unix', path: '/run/matrix.sock', mode: 0o660 });
    assert.deepEqual(config.rc_reports, { perSecond: 0.5, burstCount: 7 });
    assert.equal(config.user_consent?.version, '2026-11-01');
  });

  test('what cannot be read is named with its place', () => {
    assert.throws(() => loadConfig([join(directory, 'nowhere.yaml')]), /nowhere\.yaml: there is no such file/);
    assert.throws(() => load('a: [1, 2\nb: 3'), /\.yaml:\d+:\d+: this is not valid YAML/);
    assert.throws(() => load('enable_search: true\nenable_search: false'), /keys must be unique/i);
    assert.throws(() => loadConfig([file('- a list')]), /must be a mapping/);
  });
});

describe('mistakes', () => {
  test('all are told at once, with line, path, what was found and what is allowed', () => {
    const found = complaints(`
enable_registration: perhaps
session_lifetime: 5x
listeners:
  - port: 8008
  - port: http
rc_login:
  address: { per_second: lots }
default_room_version: "99"
auto_join_rooms: [lobby]
`);
    assert.deepEqual(found, [
      '3: enable_registration must be true or false, but is the text "perhaps"',
      '4: session_lifetime must be a duration such as "30s", "5m", "12h", "7d", "2w" or "1y", or milliseconds, or "infinity", but is the text "5x"',
      '7: listeners[1].port must be a whole number from 0 to 65535, but is the text "http"',
      '9: rc_login.address.per_second must be a number of at least 0, but is the text "lots"',
      '10: default_room_version must be a room version that this server knows, but is the text "99"',
      '11: auto_join_rooms[0] must be a room alias such as "#lobby:example.com", but is the text "lobby"',
    ]);
  });

  test('a server without a name does not start', () => {
    assert.throws(() => loadConfig([file('enable_search: true')]), /server_name is missing: it must be a server name/);
  });

  test('a listener has a port or a socket, and a certificate when it speaks TLS', () => {
    assert.match(complaints('listeners: [{ type: http }]')[0] ?? '', /listeners\[0\] needs either a port or a path/);
    assert.match(complaints('listeners: [{ port: 8448, tls: true }]')[0] ?? '', /listeners\[0\]\.tls needs tls_certificate_path/);
  });

  test('a listener with TLS is never opened without it', () => {
    const certificate = 'tls_certificate_path: /c.pem\ntls_private_key_path: /k.pem\n';
    const { config } = load(`${certificate}listeners: [{ port: 8448, tls: true }, { port: 8008 }]`);
    assert.deepEqual(
      config.listeners.map(({ address, tls }) => address.kind === 'tcp' && [address.port, tls]),
      [
        [8448, true],
        [8008, false],
      ],
    );
  });

  test('a key server is believed by its certificate or by its keys', () => {
    const unverified = 'federation_verify_certificates: false\n';
    const key = 'verify_keys: { "ed25519:a": abc }';
    assert.match(complaints(unverified)[0] ?? '', /trusted_key_servers\[0\] needs verify_keys.*matrix\.org/);
    assert.deepEqual(load(`${unverified}trusted_key_servers: [{ server_name: hive.test, ${key} }]`).warnings, []);
    assert.deepEqual(load(`${unverified}trusted_key_servers: []`).warnings, []);
  });

  test('an experiment that this server has is switched by its option', () => {
    assert.equal(load('').config.experimental_features.msc3814_enabled, true);
    assert.equal(load('experimental_features: { msc3814_enabled: null }').config.experimental_features.msc3814_enabled, true);
    const off = load('experimental_features: { msc3814_enabled: false }');
    assert.deepEqual([off.config.experimental_features.msc3814_enabled, off.warnings], [false, []]);
    assert.match(complaints('experimental_features: { msc3814_enabled: 1 }')[0] ?? '', /msc3814_enabled.*true or false/);
  });

  test('nothing is left without effect in silence: one warning names it', () => {
    const { warnings } = load(`
url_preview_enabled: true
enable_registartion: true
soft_file_limit: 4096
caches: { global_facto: 1 }
experimental_features: { msc3026_enabled: true, msc9999_enabled: true, msc1763_enabled: false }
report_stats: false
email: null
`);
    assert.deepEqual(warnings, [
      'Some options of the configuration have no effect. Not supported yet: url_preview_enabled, experimental_features.msc3026_enabled; ' +
        'without meaning here: soft_file_limit; unknown: enable_registartion (did you mean enable_registration?), ' +
        'experimental_features.msc9999_enabled, caches.global_facto (did you mean global_factor?).',
    ]);
  });
});

describe('options that depend on each other', () => {
  test('registration is never open to anybody by accident', () => {
    assert.match(complaints('enable_registration: true')[0] ?? '', /enable_registration would let anybody in/);
    assert.equal(load('enable_registration: true\nregistration_requires_token: true').config.enable_registration, true);
    assert.equal(
      load('enable_registration: true\nenable_registration_without_verification: true').config.enable_registration,
      true,
    );
  });

  test('registration stays closed when what would guard it is not supported yet', () => {
    const { config, warnings } = load('enable_registration: true\nenable_registration_captcha: true');
    assert.equal(config.enable_registration, false);
    assert.match(warnings.join('\n'), /Registration stays closed/);
  });

  test('no token outlasts its session', () => {
    assert.match(
      complaints('session_lifetime: 1h\nrefresh_token_lifetime: 2h')[0] ?? '',
      /refresh_token_lifetime must not be longer than session_lifetime/,
    );
    assert.match(
      complaints('session_lifetime: 1h\nnonrefreshable_access_token_lifetime: 1d')[0] ?? '',
      /nonrefreshable_access_token_lifetime/,
    );
    const { config } = load('session_lifetime: 2m');
    assert.equal(config.refreshable_access_token_lifetime, 120_000);
    assert.equal(config.nonrefreshable_access_token_lifetime, 120_000);
    assert.equal(load('').config.refresh_token_lifetime, null);
  });

  test('rooms by invitation that everybody joins need somebody who invites', () => {
    const rooms = 'auto_join_rooms: ["#lobby:example.com"]\nautocreate_auto_join_room_preset: private_chat';
    assert.match(complaints(rooms)[0] ?? '', /auto_join_mxid_localpart is missing/);
    assert.deepEqual(complaints(`${rooms}\nauto_join_mxid_localpart: system`), []);
  });

  test('one memory bound for all caches, by our name or by those of Synapse', () => {
    assert.equal(load('cache_memory: 1G').config.cache_memory, 1024 ** 3);
    assert.equal(load('caches: { cache_autotuning: { max_cache_memory_usage: 256M } }').config.cache_memory, 256 * 1024 ** 2);
    assert.equal(load('caches: { global_factor: 2 }').config.cache_memory, 512 * 1024 ** 2);
  });

  test('the older switch of presence works until the newer is used', () => {
    assert.equal(load('use_presence: false').config.presence.enabled, false);
    assert.equal(load('use_presence: false\npresence: { enabled: untracked }').config.presence.enabled, 'untracked');
  });
});

describe('secrets', () => {
  test('a secret may stand in a file of its own, but not in both places', () => {
    const path = file('  s3cret\n', 'form-secret');
    assert.equal(load(`form_secret_path: ${path}`).config.form_secret, 's3cret');
    assert.match(
      complaints(`form_secret_path: ${path}\nform_secret: other`)[0] ?? '',
      /form_secret_path and form_secret are both set/,
    );
    assert.match(complaints(`form_secret_path: ${file('\n', 'empty')}`)[0] ?? '', /is empty/);
  });

  test('the file of registration_shared_secret is made when it is not there, for its owner only', () => {
    const path = join(directory, 'registration-secret');
    const made = load(`registration_shared_secret_path: ${path}`).config.registration_shared_secret;
    assert.ok(made !== null && made.length >= 32);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path, 'utf8').trim(), made);
    assert.equal(load(`registration_shared_secret_path: ${path}`).config.registration_shared_secret, made);
  });
});

describe('database', () => {
  test("PostgreSQL has libpq's words and the size of Synapse's pool", () => {
    const { config, warnings } = load(`
database:
  name: psycopg2
  args: { user: synapse, password: 1234, dbname: synapse, host: db, port: "5433", cp_min: 5, cp_max: 20, keepalives_idle: 10 }
`);
    assert.deepEqual(config.database, {
      name: 'psycopg2',
      connection: { user: 'synapse', password: '1234', database: 'synapse', host: 'db', port: 5433 },
      max_connections: 20,
      allow_unsafe_locale: false,
      durability: 'full',
    });
    assert.deepEqual(warnings, [
      'Some options of the configuration have no effect. Without meaning here: database.args.cp_min, database.args.keepalives_idle.',
    ]);
  });

  test('an engine that nobody has is refused', () => {
    assert.match(
      complaints('database: { name: mysql }')[0] ?? '',
      /database\.name must be one of "sqlite3", "psycopg2", but is the text "mysql"/,
    );
    assert.match(
      complaints('database: { name: psycopg2, args: { port: x } }')[0] ?? '',
      /database\.args\.port must be a whole number/,
    );
  });
});
