import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { loadConfig, readLogConfig } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'synapse-config-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

// As Synapse's container writes it on its first start.
const dockerLogConfig = `
version: 1
formatters:
  precise:
    format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s'
handlers:
  console:
    class: logging.StreamHandler
    formatter: precise
loggers:
    # This is just here so we can leave loggers in the config regardless of whether
    # we configure other loggers below (avoid empty yaml dict error).
    _placeholder:
        level: "INFO"
    synapse.storage.SQL:
        # beware: increasing this to DEBUG will make synapse log sensitive
        level: INFO
root:
    level: INFO
    handlers: [console]
disable_existing_loggers: false
`;

const dockerConfig = (logConfig: string) => `
# Configuration file for Synapse.
server_name: "matrix.example.com"
pid_file: /data/homeserver.pid
listeners:
  - port: 8008
    resources:
    - compress: false
      names:
      - client
      - federation
    tls: false
    type: http
    x_forwarded: true
database:
  name: sqlite3
  args:
    database: /data/homeserver.db
log_config: ${JSON.stringify(logConfig)}
media_store_path: /data/media_store
registration_shared_secret: "PXk8m3l;8jL8Cq:+e@H.XfFc6FJbYzY~"
report_stats: false
macaroon_secret_key: "u-r.=8pFQfE3p@2Mxt=&y#kCXqZa"
form_secret: "3l.u8Ue0F8CYS*;Kw2"
signing_key_path: "/data/matrix.example.com.signing.key"
trusted_key_servers:
  - server_name: "matrix.org"

# vim:ft=yaml
`;

describe('a homeserver.yaml that Synapse runs with', () => {
  test('loads unchanged, with one warning about what is not supported yet', () => {
    const logConfig = file('matrix.example.com.log.config', dockerLogConfig);
    const { config, warnings } = loadConfig([file('homeserver.yaml', dockerConfig(logConfig))]);
    assert.deepEqual(warnings, ['Some options of the configuration have no effect. Not supported yet: media_store_path.']);
    assert.equal(config.server_name, 'matrix.example.com');
    assert.equal(config.signing_key_path, '/data/matrix.example.com.signing.key');
    assert.deepEqual(config.database, { name: 'sqlite3', file: '/data/homeserver.db', durability: 'full' });
    assert.deepEqual(config.listeners, [
      {
        type: 'http',
        address: { kind: 'tcp', port: 8008, addresses: ['::', '0.0.0.0'] },
        tls: false,
        xForwarded: true,
        requestIdHeader: null,
        tag: null,
        resources: [{ compress: false, names: ['client', 'federation'] }],
      },
    ]);
    assert.deepEqual(config.log, {
      level: 'info',
      loggers: { 'myelin.database.sql': 'info' },
      outputs: [{ kind: 'console', stream: 'stderr', level: 'trace', format: 'text' }],
    });
  });
});

describe('log configurations of Synapse', () => {
  test('a buffer stands for the file behind it, and the file changes at midnight', () => {
    const { settings, warnings } = readLogConfig(
      file(
        'buffered.yaml',
        `
handlers:
  file: { class: logging.handlers.TimedRotatingFileHandler, filename: /var/log/matrix/homeserver.log, when: midnight, backupCount: 3 }
  buffer: { class: synapse.logging.handlers.PeriodicallyFlushingMemoryHandler, target: file, capacity: 10 }
root: { level: WARNING, handlers: [buffer] }
`,
      ),
    );
    assert.deepEqual(warnings, []);
    assert.equal(settings.level, 'warn');
    assert.deepEqual(settings.outputs, [
      { kind: 'file', path: '/var/log/matrix/homeserver.log', level: 'trace', format: 'text', rotation: { by: 'day', keep: 3 } },
    ]);
  });

  test('JSON, levels of handlers, rotation by size, and several outputs', () => {
    const { settings } = readLogConfig(
      file(
        'json.yaml',
        `
formatters: { structured: { class: synapse.logging.TerseJsonFormatter } }
handlers:
  big: { class: logging.handlers.RotatingFileHandler, formatter: structured, filename: /tmp/a.log, maxBytes: 1000000, backupCount: 2 }
  console: { class: logging.StreamHandler, stream: ext://sys.stdout, level: ERROR }
loggers:
  synapse: { level: DEBUG }
  synapse.access.http.8008: { level: WARNING }
  myelin.features.sync: { level: 10 }
root: { handlers: [big, console] }
`,
      ),
    );
    assert.equal(settings.level, 'debug');
    assert.deepEqual(settings.loggers, { 'myelin.http.access': 'warn', 'myelin.features.sync': 'debug' });
    assert.deepEqual(settings.outputs, [
      {
        kind: 'file',
        path: '/tmp/a.log',
        level: 'trace',
        format: 'json',
        rotation: { by: 'size', maxBytes: 1_000_000, keep: 2 },
      },
      { kind: 'console', stream: 'stdout', level: 'error', format: 'text' },
    ]);
  });

  test('what has no counterpart is said, what is wrong stops the start', () => {
    const { settings, warnings } = readLogConfig(
      file('syslog.yaml', 'handlers: { log: { class: logging.handlers.SysLogHandler } }\nroot: { level: INFO, handlers: [log] }'),
    );
    assert.match(warnings.join(), /the handler log \(logging\.handlers\.SysLogHandler\) is not supported/);
    assert.deepEqual(settings.outputs, [{ kind: 'console', stream: 'stdout', level: 'trace', format: 'text' }]);
    assert.throws(
      () => readLogConfig(file('level.yaml', 'root: { level: LOUD }')),
      /level\.yaml:1: root\.level must be one of CRITICAL/,
    );
    assert.throws(() => readLogConfig(file('handler.yaml', 'root: { handlers: [nobody] }')), /there is no such handler/);
  });
});
