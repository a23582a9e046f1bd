import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { encodeSigningKey, generateSigningKey } from '@myelin/protocol/signatures';
import { startServer, type StartedServer, type StartOptions } from '@myelin/server/app';
import { loadConfig } from '@myelin/server/config';
import { migrations } from '@myelin/server/migrations';
import type { DatabaseSettings } from '@myelin/server/platform/database';
import { stringify } from 'yaml';

import { sqliteDatabases } from '../databases/sqlite.ts';
import type { TestDatabases } from '../databases/test-databases.ts';
import { createContractCheck, type ContractCheck } from './contract-check.ts';
import { HttpClient, type HttpAnswer, type HttpOptions } from './http-client.ts';
import { Person } from './person.ts';

export interface TestHomeserverOptions {
  /** Where its data is; SQLite unless given. */
  readonly databases?: TestDatabases;
  /** Options of homeserver.yaml over those that suit tests. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly clock?: StartOptions['clock'];
  readonly random?: StartOptions['random'];
}

const generous = { per_second: 1_000_000, burst_count: 1_000_000 };
/** Tests are faster than people. */
const noLimits = {
  rc_message: generous,
  rc_registration: generous,
  rc_registration_token_validity: generous,
  rc_login: { address: generous, account: generous, failed_attempts: generous },
  rc_joins: { local: generous, remote: generous },
  rc_joins_per_room: generous,
  rc_invites: { per_room: generous, per_user: generous, per_issuer: generous },
  rc_presence: { per_user: generous },
  rc_reports: generous,
  rc_room_creation: generous,
};

let people = 0;

/** A whole server in this process, on a database of its own, that answers on a port of the loopback address. */
export class TestHomeserver {
  readonly serverName: string;
  readonly registrationSharedSecret = 'opensesame';
  readonly directory: string;
  readonly #configPath: string;
  readonly #options: TestHomeserverOptions;
  readonly #remove: () => Promise<void>;
  readonly #contract: ContractCheck;
  #server: StartedServer | undefined;
  #http: HttpClient | undefined;

  private constructor(parts: {
    serverName: string;
    directory: string;
    configPath: string;
    options: TestHomeserverOptions;
    remove: () => Promise<void>;
    contract: ContractCheck;
  }) {
    this.serverName = parts.serverName;
    this.directory = parts.directory;
    this.#configPath = parts.configPath;
    this.#options = parts.options;
    this.#remove = parts.remove;
    this.#contract = parts.contract;
  }

  static async start(options: TestHomeserverOptions = {}): Promise<TestHomeserver> {
    const database = await (options.databases ?? sqliteDatabases).create(migrations);
    const directory = await mkdtemp(join(tmpdir(), 'myelin-homeserver-'));
    const serverName = (options.config?.['server_name'] as string | undefined) ?? 'hive.example';
    const signingKey = join(directory, 'signing.key');
    await writeFile(signingKey, encodeSigningKey(generateSigningKey(new Uint8Array(32).fill(7))));
    const configPath = join(directory, 'homeserver.yaml');
    const config = {
      server_name: serverName,
      report_stats: false,
      signing_key_path: signingKey,
      listeners: [{ port: 0, type: 'http', bind_addresses: ['127.0.0.1'], resources: [{ names: ['client', 'federation'] }] }],
      database: databaseSection(database.settings),
      enable_registration: true,
      enable_registration_without_verification: true,
      registration_shared_secret: 'opensesame',
      macaroon_secret_key: 'for tests only',
      form_secret: 'for tests only',
      bcrypt_rounds: 4,
      ...noLimits,
      ...options.config,
    };
    await writeFile(configPath, stringify(config));
    const contract = await createContractCheck();
    const homeserver = new TestHomeserver({ serverName, directory, configPath, options, remove: database.remove, contract });
    await homeserver.#open();
    return homeserver;
  }

  get baseUrl(): string {
    const [address] = this.server.addresses;
    if (address === undefined) throw new Error('the server listens nowhere');
    return address;
  }

  get server(): StartedServer {
    if (!this.#server) throw new Error('the server is stopped');
    return this.#server;
  }

  get http(): HttpClient {
    if (!this.#http) throw new Error('the server is stopped');
    return this.#http;
  }

  request(method: string, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
    return this.http.request(method, path, options);
  }

  /** Registers somebody; the user id has a number, so that many tests can each have an Alice on one server. */
  async person(name: string, options: { readonly exactly?: boolean; readonly password?: string } = {}): Promise<Person> {
    const username = options.exactly ? name : `${name}-${++people}`;
    const password = options.password ?? `${name}'s secret`;
    const body = { username, password, auth: { type: 'm.login.dummy' } };
    const answer = await this.request('POST', '/register', { body });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return this.#personFrom(answer, password);
  }

  /** Logs somebody in on another device. */
  async anotherDeviceOf(person: Person): Promise<Person> {
    const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: person.userId }, password: person.password };
    const answer = await this.request('POST', '/login', { body });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return this.#personFrom(answer, person.password);
  }

  /** Two who know each other, in a room that the first has made. */
  async twoFriendsInARoom(): Promise<{ alice: Person; bob: Person; room: string }> {
    const [alice, bob] = await Promise.all([this.person('alice'), this.person('bob')]);
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await bob.joins(room);
    return { alice, bob, room };
  }

  /** Stops and starts again on the same data; people keep their tokens. */
  async restart(): Promise<void> {
    await this.#close();
    await this.#open();
    for (const person of this.#people) person.http.moveTo(this.baseUrl);
  }

  /** Ends, removes the data, and throws where an answer broke the spec's schemas. */
  async stop(): Promise<void> {
    await this.#close();
    for (const person of this.#people) await person.http.close();
    await this.#remove();
    await rm(this.directory, { recursive: true, force: true });
    this.checkContract();
  }

  /** Throws where an answer since the last check broke the spec's schemas. */
  checkContract(): void {
    const violations = this.#contract.takeViolations();
    assert.deepEqual(violations, [], 'answers that the spec does not allow');
  }

  readonly #people: Person[] = [];

  async #open(): Promise<void> {
    const { config, warnings } = loadConfig([this.#configPath]);
    const quiet = { ...config, log: { level: 'fatal' as const, loggers: {}, outputs: [] } };
    const { clock, random } = this.#options;
    this.#server = await startServer(quiet, { warnings, ...(clock && { clock }), ...(random && { random }) });
    this.#http = new HttpClient(this.baseUrl, this.#contract);
  }

  async #close(): Promise<void> {
    await this.#http?.close();
    await this.#server?.stop();
    this.#server = undefined;
    this.#http = undefined;
  }

  #personFrom(answer: HttpAnswer, password: string): Person {
    const { user_id: userId, device_id: deviceId, access_token: token } = answer.body;
    const person = new Person({ userId, deviceId, token, password, http: new HttpClient(this.baseUrl, this.#contract) });
    this.#people.push(person);
    return person;
  }
}

/** The `database` section of homeserver.yaml for a test's database. */
function databaseSection(settings: DatabaseSettings): Record<string, unknown> {
  if (settings.kind === 'sqlite') return { name: 'sqlite3', durability: 'relaxed', args: { database: settings.path } };
  const { host, port, user, password, database } = settings;
  return { name: 'psycopg2', durability: 'relaxed', args: { host, port, user, password, database, cp_max: 5 } };
}
