/** What a new homeserver.yaml is made of. Paths are absolute. */
export interface NewConfig {
  readonly serverName: string;
  readonly publicBaseUrl?: string;
  readonly reportStats: boolean;
  /** Listen at all addresses, not only at this machine's own. */
  readonly openPrivatePorts: boolean;
  readonly databaseFile: string;
  readonly logConfigFile: string;
  readonly signingKeyFile: string;
  readonly pidFile: string;
  /** The secrets themselves, or the files that hold them. */
  readonly secrets: Readonly<Record<GeneratedSecret, { readonly value: string } | { readonly path: string }>>;
}

/** The secrets of a new configuration. */
export const generatedSecrets = ['registration_shared_secret', 'macaroon_secret_key', 'form_secret'] as const;
export type GeneratedSecret = (typeof generatedSecrets)[number];

/** The text of a new homeserver.yaml: what must be there, with the reason, and what is most often changed, commented out. */
export function generateConfig(made: NewConfig): string {
  const secret = (name: GeneratedSecret): string => {
    const how = made.secrets[name];
    return 'value' in how ? `${name}: ${quote(how.value)}` : `${name}_path: ${quote(how.path)}`;
  };
  return `# The configuration of the Matrix homeserver for ${made.serverName}.
#
# Options have the names, meanings and defaults of Synapse's homeserver.yaml:
# https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html
# After a change, restart the server. SIGHUP suffices for the file that log_config names and for a renewed certificate.

# The domain at the end of user ids. It can never be changed.
server_name: ${quote(made.serverName)}

# The address at which clients reach the server, usually that of a reverse proxy with TLS.
${made.publicBaseUrl === undefined ? '#public_baseurl: "https://matrix.example.com/"' : `public_baseurl: ${quote(made.publicBaseUrl)}`}

listeners:
  - port: 8008
    type: http
    tls: false
    # Believe the reverse proxy about who the client is. Without a proxy, set it to false.
    x_forwarded: ${made.publicBaseUrl === undefined}
${made.openPrivatePorts ? '' : "    bind_addresses: ['::1', '127.0.0.1']\n"}    resources:
      - names: [client, federation]
        compress: false

# SQLite is one file and needs nothing else. For PostgreSQL:
#database:
#  name: psycopg2
#  args: { user: matrix, password: secret, database: matrix, host: localhost, cp_max: 10 }
database:
  name: sqlite3
  args:
    database: ${quote(made.databaseFile)}

log_config: ${quote(made.logConfigFile)}
pid_file: ${quote(made.pidFile)}

# Others know the server by this key. Keep a copy of the file in a safe place.
signing_key_path: ${quote(made.signingKeyFile)}

# Nobody can register until you say so. To let in who has a token that you have made:
#enable_registration: true
#registration_requires_token: true

# Who knows this secret can register users, admins too: "myelin register-user" uses it.
${secret('registration_shared_secret')}
# From these, tokens in links and in forms are made.
${secret('macaroon_secret_key')}
${secret('form_secret')}

# This server reports nothing to anybody, whatever is said here.
report_stats: ${made.reportStats}
`;
}

/** The text of a new log configuration: everything from INFO on to a file that changes at midnight, warnings to the console too. */
export function generateLogConfig(logFile: string): string {
  return `# What is logged, and where to: the logging configuration of Python, as Synapse has it.
# After a change, send SIGHUP to the server.
version: 1

formatters:
  precise:
    format: '%(asctime)s - %(name)s - %(levelname)s - %(request)s - %(message)s'

handlers:
  file:
    class: logging.handlers.TimedRotatingFileHandler
    formatter: precise
    filename: ${quote(logFile)}
    when: midnight
    # Older files that are kept beside the current one.
    backupCount: 3
    encoding: utf8

  console:
    class: logging.StreamHandler
    formatter: precise
    level: WARNING

root:
  level: INFO
  handlers: [file, console]

disable_existing_loggers: false
`;
}

/** Text as YAML: a JSON string is one. */
function quote(text: string): string {
  return JSON.stringify(text);
}
