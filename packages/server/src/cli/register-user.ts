import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { loadConfig } from '../config/index.ts';
import type { Config, Listener } from '../config/index.ts';
import { orConfigError } from '../config/read-files.ts';
import { registerUserHelp } from './help.ts';
import { parse } from './parse.ts';
import { askNewPassword } from './terminal.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

const endpoint = '/_synapse/admin/v1/register';

/** `myelin register-user`: asks the running server to register a user, with a MAC by registration_shared_secret as proof. */
export async function registerUser(args: readonly string[], terminal: Terminal): Promise<void> {
  const { values, positionals } = parse(
    {
      args: [...args],
      allowPositionals: true,
      options: {
        user: { type: 'string', short: 'u' },
        password: { type: 'string', short: 'p' },
        'password-file': { type: 'string' },
        admin: { type: 'boolean', short: 'a' },
        'no-admin': { type: 'boolean' },
        user_type: { type: 'string', short: 't' },
        'user-type': { type: 'string' },
        'exists-ok': { type: 'boolean' },
        config: { type: 'string', short: 'c', multiple: true },
        'config-path': { type: 'string', multiple: true },
        'shared-secret': { type: 'string', short: 'k' },
        help: { type: 'boolean', short: 'h' },
      },
    },
    'myelin register-user',
  );
  if (values.help) return terminal.out(registerUserHelp);
  if (values.admin && values['no-admin']) throw new UsageError('--admin and --no-admin exclude each other.');
  if (values.password !== undefined && values['password-file'] !== undefined)
    throw new UsageError('--password and --password-file exclude each other.');
  const configPaths = [...(values.config ?? []), ...(values['config-path'] ?? [])];
  const config = configPaths.length === 0 ? undefined : loadConfig(configPaths).config;
  const secret = values['shared-secret'] ?? sharedSecret(config);

  const username = values.user ?? (await askUsername(terminal));
  const password = await passwordOf(values.password, values['password-file'], terminal);
  const admin = values.admin ?? (values['no-admin'] ? false : await askAdmin(terminal));
  const type = values.user_type ?? values['user-type'];
  const server = serverOf(positionals, config);

  const { nonce } = await call(server, 'GET');
  if (typeof nonce !== 'string') throw new UsageError(`${server.origin} did not answer as a homeserver does.`);
  // https://element-hq.github.io/synapse/latest/admin_api/register_api.html
  const signed = [nonce, username, password, admin ? 'admin' : 'notadmin', ...(type === undefined ? [] : [type])].join('\0');
  const mac = createHmac('sha1', secret).update(signed).digest('hex');
  const answer = await call(server, 'POST', {
    nonce,
    username,
    password,
    admin,
    mac,
    ...(type === undefined ? {} : { user_type: type }),
  });
  if (typeof answer['user_id'] === 'string')
    return terminal.out(`Registered ${answer['user_id']}${admin ? ', a server admin' : ''}.`);
  if (answer['errcode'] === 'M_USER_IN_USE' && values['exists-ok']) return terminal.out(`${username} is there already.`);
  throw new UsageError(`The server refused: ${String(answer['error'])} (${String(answer['errcode'])}).`);
}

function sharedSecret(config: Config | undefined): string {
  if (config === undefined) throw new UsageError('Which server? Name its configuration (-c homeserver.yaml) or its secret (-k).');
  if (config.registration_shared_secret !== null) return config.registration_shared_secret;
  throw new UsageError('The configuration has neither registration_shared_secret nor registration_shared_secret_path.');
}

async function askUsername(terminal: Terminal): Promise<string> {
  if (!terminal.interactive) throw new UsageError('Who is to be registered? Name the user: -u NAME.');
  const name = (await terminal.ask('New user localpart: ')).trim();
  if (name === '') throw new UsageError('The name is empty.');
  return name;
}

async function passwordOf(given: string | undefined, file: string | undefined, terminal: Terminal): Promise<string> {
  if (given !== undefined) return given;
  if (file === undefined) return askNewPassword(terminal);
  const text = file === '-' ? await terminal.input() : orConfigError(file, () => readFileSync(file, 'utf8'));
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new UsageError(`${file} is empty.`);
  return password;
}

async function askAdmin(terminal: Terminal): Promise<boolean> {
  if (!terminal.interactive) return false;
  return /^y(es)?$/i.test((await terminal.ask('Make admin [no]: ')).trim());
}

interface Target {
  readonly origin: string;
  readonly socketPath?: string;
}

function serverOf(positionals: readonly string[], config: Config | undefined): Target {
  const [url, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`Only one server can be asked, not ${positionals.join(' and ')}.`);
  if (url !== undefined) {
    if (!URL.canParse(url)) throw new UsageError(`${url} is not the address of a server, such as http://localhost:8008.`);
    return { origin: url.replace(/\/+$/, '') };
  }
  const listener = config?.listeners.find(
    ({ type, resources }) => type === 'http' && resources.some(({ names }) => names.includes('client')),
  );
  return listener === undefined ? { origin: 'http://localhost:8008' } : targetOf(listener);
}

function targetOf({ address, tls }: Listener): Target {
  const scheme = tls ? 'https' : 'http';
  if (address.kind === 'unix') return { origin: `${scheme}://localhost`, socketPath: address.path };
  const [first = 'localhost'] = address.addresses.toSorted(
    (one, other) => Number(one.includes(':')) - Number(other.includes(':')),
  );
  const everywhere = first === '0.0.0.0' || first === '::' || first === '';
  const host = everywhere ? 'localhost' : first.includes(':') ? `[${first}]` : first;
  return { origin: `${scheme}://${host}:${address.port}` };
}

async function call(target: Target, method: 'GET' | 'POST', body?: unknown): Promise<Record<string, unknown>> {
  const { Agent } = await import('undici');
  const agent = new Agent(target.socketPath === undefined ? {} : { connect: { socketPath: target.socketPath } });
  try {
    const path = new URL(target.origin).pathname.replace(/\/$/, '') + endpoint;
    const request = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await agent.request({ origin: new URL(target.origin).origin, path, method, ...request });
    const text = await answer.body.text();
    if (answer.statusCode === 404)
      throw new UsageError(
        `${target.origin} does not register by shared secret: its configuration has no registration_shared_secret.`,
      );
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof SyntaxError)
      throw new UsageError(`${target.origin} did not answer as a homeserver does.`, { cause: error });
    throw new UsageError(`${target.socketPath ?? target.origin} cannot be reached: is the server running? (${reasonOf(error)})`, {
      cause: error,
    });
  } finally {
    await agent.close();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
