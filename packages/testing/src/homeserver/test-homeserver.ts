import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { rm } from 'node:fs/promises';

import { startServer, type StartedServer, type StartOptions } from '@myelin/server/app';
import { loadConfig } from '@myelin/server/config';
import { migrations } from '@myelin/server/migrations';

import { sqliteDatabases } from '../databases/sqlite.ts';
import type { TestDatabases } from '../databases/test-databases.ts';
import { TestResolver } from '../network/test-resolver.ts';
import { createContractCheck, type ContractCheck } from './contract-check.ts';
import { HttpClient, type HttpAnswer, type HttpOptions } from './http-client.ts';
import { Person } from './person.ts';
import { sharedSecret, writeConfiguration } from './write-configuration.ts';

export interface TestHomeserverOptions {
  /** Where its data is; SQLite unless given. */
  readonly databases?: TestDatabases;
  /** Options of homeserver.yaml over those that suit tests. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly clock?: StartOptions['clock'];
  readonly random?: StartOptions['random'];
  /** Finds other servers; there are none unless given. */
  readonly resolver?: StartOptions['resolver'];
}

let people = 0;

/** A whole server in this process, on a database of its own, that answers on a port of the loopback address. */
export class TestHomeserver {
  readonly serverName: string;
  readonly registrationSharedSecret = sharedSecret;
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
    const { directory, configPath, serverName } = await writeConfiguration(database.settings, options.config);
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

  /** False while it restarts, and when it has ended. */
  get isRunning(): boolean {
    return this.#server !== undefined;
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

  /** Registers a server administrator, by the shared secret. */
  async admin(name: string): Promise<Person> {
    const path = '/_synapse/admin/v1/register';
    const { nonce } = (await this.request('GET', path)).body as { nonce: string };
    const user = { username: `${name}-${++people}`, password: `${name}'s secret` };
    const signed = [nonce, user.username, user.password, 'admin'].join('\0');
    const mac = createHmac('sha1', this.registrationSharedSecret).update(signed).digest('hex');
    const answer = await this.request('POST', path, { body: { ...user, admin: true, nonce, mac } });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return this.#personFrom(answer, user.password);
  }

  /** A guest, where the configuration has `allow_guest_access`. */
  async guest(): Promise<Person> {
    const answer = await this.request('POST', '/register', { query: { kind: 'guest' }, body: {} });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return this.#personFrom(answer, '');
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

  /** Stops and starts again on the same data; people keep their tokens. `meanwhile` is done while it is stopped. */
  async restart(meanwhile?: () => Promise<void>): Promise<void> {
    await this.#close();
    await meanwhile?.();
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
    const { clock, random, resolver = new TestResolver() } = this.#options;
    const given = { ...(clock && { clock }), ...(random && { random }), resolver };
    this.#server = await startServer(quiet, { warnings, ...given });
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
