import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where the files of one machine are, and the port that is free on this one. */
export interface Place {
  readonly inside: (path: string) => string;
  readonly port: number;
}

/** The configuration's `-c` arguments. */
export type Arguments = readonly string[];

/** What Synapse's container writes into its volume on its first start (`generate`), with the secrets of one machine. */
export function asTheContainerWritesIt({ inside, port }: Place): Arguments {
  write(
    inside('/data/homeserver.yaml'),
    `# Configuration file for Synapse.
#
# This is a YAML file: see [1] for a quick introduction. Note in particular
# that *indentation is important*: all the elements of a list or dictionary
# should have the same indentation.
#
# [1] https://docs.ansible.com/ansible/latest/reference_appendices/YAMLSyntax.html
#
# For more information on how to configure Synapse, including a complete accounting of
# each option, go to docs/usage/configuration/config_documentation.md or
# https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html
server_name: "matrix.example.com"
pid_file: ${inside('/data/homeserver.pid')}
listeners:
  - port: ${port}
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
    database: ${inside('/data/homeserver.db')}
log_config: "${inside('/data/matrix.example.com.log.config')}"
media_store_path: ${inside('/data/media_store')}
registration_shared_secret: "PXk8m3l;8jL8Cq:+e@H.XfFc6FJbYzY~,hQ2iTn=0rD^z*5xVu"
report_stats: false
macaroon_secret_key: "u-r.=8pFQfE3p@2Mxt=&y#kCXqZa,1,n;a2V:HcG7U6:s4jW~D"
form_secret: "3l.u8Ue0F8CYS*;Kw2gK&n=tK7^1I3d#7rXGpLzBM~V,0ho&Rx"
signing_key_path: "${inside('/data/matrix.example.com.signing.key')}"
trusted_key_servers:
  - server_name: "matrix.org"


# vim:ft=yaml
`,
  );
  write(
    inside('/data/matrix.example.com.log.config'),
    `version: 1

formatters:
  precise:

    format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s'


handlers:


  console:
    class: logging.StreamHandler
    formatter: precise

loggers:
    # This is just here so we can leave \`loggers\` in the config regardless of whether
    # we configure other loggers below (avoid empty yaml dict error).
    _placeholder:
        level: "INFO"



    synapse.storage.SQL:
        # beware: increasing this to DEBUG will make synapse log sensitive
        # information such as access tokens.
        level: INFO




root:
    level: INFO


    handlers: [console]


disable_existing_loggers: false
`,
  );
  write(inside('/data/matrix.example.com.signing.key'), 'ed25519 a_QqXt 9hN2yFYm0kO6bYJ2Wm0c7d1m0aQWm5J0b3n1cX4y5vE\n');
  return ['-c', inside('/data/homeserver.yaml')];
}

/** What the Debian package installs, with what `debconf` was told in `conf.d`. Its unit names the file and the folder. */
export function asDebianInstallsIt({ inside, port }: Place): Arguments {
  write(
    inside('/etc/matrix-synapse/homeserver.yaml'),
    `# Configuration file for Synapse.
#
# This is a YAML file: see [1] for a quick introduction. Note in particular
# that *indentation is important*: all the elements of a list or dictionary
# should have the same indentation.
#
# [1] https://docs.ansible.com/ansible/latest/reference_appendices/YAMLSyntax.html
pid_file: "${inside('/run/matrix-synapse.pid')}"
listeners:
  - port: ${port}
    tls: false
    type: http
    x_forwarded: true
    bind_addresses: ['127.0.0.1']
    resources:
      - names: [client, federation]
        compress: false
database:
  name: sqlite3
  args:
    database: ${inside('/var/lib/matrix-synapse/homeserver.db')}
log_config: "${inside('/etc/matrix-synapse/log.yaml')}"
media_store_path: ${inside('/var/lib/matrix-synapse/media')}
signing_key_path: "${inside('/etc/matrix-synapse/homeserver.signing.key')}"
trusted_key_servers:
  - server_name: "matrix.org"
`,
  );
  write(inside('/etc/matrix-synapse/conf.d/server_name.yaml'), 'server_name: debian.example.com\n');
  write(inside('/etc/matrix-synapse/conf.d/report_stats.yaml'), 'report_stats: false\n');
  write(inside('/etc/matrix-synapse/conf.d/registration.yaml'), 'registration_shared_secret: correct horse battery staple\n');
  write(
    inside('/etc/matrix-synapse/log.yaml'),
    `
version: 1

formatters:
  precise:
   format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s- %(message)s'

handlers:
  file:
    class: logging.handlers.TimedRotatingFileHandler
    formatter: precise
    filename: ${inside('/var/log/matrix-synapse/homeserver.log')}
    when: midnight
    backupCount: 6  # Does not include the current log file.
    encoding: utf8

  # Default to buffering writes to log file for efficiency.
  buffer:
    class: synapse.logging.handlers.PeriodicallyFlushingMemoryHandler
    target: file
    capacity: 10
    flushLevel: 30
    period: 5

  console:
    class: logging.StreamHandler
    formatter: precise
    level: WARN

loggers:
    synapse.storage.SQL:
        level: INFO

    twisted:
        # We send the twisted logging directly to the file handler,
        # to work around https://github.com/matrix-org/synapse/issues/3471
        handlers: [file]
        propagate: false

root:
    level: INFO
    handlers: [buffer]

disable_existing_loggers: false
`,
  );
  mkdirSync(inside('/var/lib/matrix-synapse'), { recursive: true });
  return ['-c', inside('/etc/matrix-synapse/homeserver.yaml'), '-c', inside('/etc/matrix-synapse/conf.d/')];
}

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
