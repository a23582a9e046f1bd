import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, HttpClient, Person, ServerProcess } from '@myelin/testing';
import { sqliteDatabases } from '@myelin/testing/databases';
import { createCertificateAuthority, FakeServer, TestResolver } from '@myelin/testing/network';

import type { GeneratedEvent } from './generated-room.ts';

const home = 'hive.example';
const unlimited = { window_size: 1000, sleep_limit: 1_000_000, sleep_delay: 0, reject_limit: 1_000_000, concurrent: 100 };
// The answers are measured here, not judged.
const noContract = { check: () => undefined, takeViolations: () => [] };
const kibibyte = 1024;

/** A transaction of a fake server, signed: to hand it in costs nothing more than the sending. */
export interface SignedTransaction {
  readonly uri: string;
  readonly authorization: string;
  readonly body: string;
  readonly eventIds: readonly string[];
}

/** A server in a process of its own, and the fake servers in this one that it knows. */
export interface Setting {
  readonly origins: readonly FakeServer[];
  readonly pid: number;
  readonly baseUrl: string;
  /** Registers somebody on the server. */
  person(name: string): Promise<Person>;
  /** Signs a transaction, which has its id from then on. */
  sign(origin: FakeServer, events: readonly GeneratedEvent[]): SignedTransaction;
  /** Hands a transaction in. Throws unless each event is taken. */
  handIn(transaction: SignedTransaction): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a server with SQLite, durable, without limits on what others may send, and as many fake servers. They are `localhost` and a
 * port, so that the server reaches them over TLS by its own means. What they send comes in plain, as from a proxy that ends TLS.
 */
export async function startSetting(servers: number): Promise<Setting> {
  const directory = await mkdtemp(join(tmpdir(), 'myelin-bench-'));
  const authority = createCertificateAuthority();
  const authorityFile = join(directory, 'authority.pem');
  await writeFile(authorityFile, authority.certificate);
  const resolver = new TestResolver();
  const origins: FakeServer[] = [];
  for (let index = 0; index < servers; index++) {
    const port = await freePort();
    const origin = await FakeServer.start(`localhost:${port}`, { resolver, authority, port });
    origin.answersUnder.set('/_matrix/federation/v1/send/', () => ({ pdus: {} }));
    origins.push(origin);
  }
  const server = await ServerProcess.start(sqliteDatabases, {
    server_name: home,
    federation_custom_ca_list: [authorityFile],
    ip_range_blacklist: [],
    rc_federation: unlimited,
    presence: { enabled: false },
  });
  // A measurement that fails between two of its steps must not leave the server behind.
  const endServer = (): void => void process.kill(server.pid);
  process.once('exit', endServer);
  const clients = [new HttpClient(server.baseUrl, noContract)];
  const [http] = clients as [HttpClient];
  let transactions = 0;
  return {
    origins,
    pid: server.pid,
    baseUrl: server.baseUrl,
    async person(name) {
      const password = `${name}'s secret`;
      const body = { username: name, password, auth: { type: 'm.login.dummy' } };
      const answer = await http.request('POST', '/register', { body });
      if (answer.status !== 200) throw new Error(`${name} cannot register: ${answer.status} ${JSON.stringify(answer.body)}`);
      const { user_id: userId, device_id: deviceId, access_token: token } = answer.body;
      const own = new HttpClient(server.baseUrl, noContract);
      clients.push(own);
      return new Person({ userId, deviceId, token, password, http: own });
    },
    sign(origin, events) {
      const uri = `/_matrix/federation/v1/send/bench${++transactions}`;
      const content = { origin: origin.name, origin_server_ts: Date.now(), pdus: events.map(({ pdu }) => pdu) };
      const authorization = origin.authorization({ method: 'PUT', uri, destination: home, content });
      return { uri, authorization, body: JSON.stringify(content), eventIds: events.map(({ eventId }) => eventId) };
    },
    async handIn({ uri, authorization, body, eventIds }) {
      const headers = { authorization, 'content-type': 'application/json' };
      const answer = await http.request('PUT', uri, { headers, body });
      if (answer.status !== 200 || !areTaken(eventIds, answer.body))
        throw new Error(`a transaction was not taken: ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`);
    },
    async stop() {
      await Promise.all(clients.map((client) => client.close()));
      process.off('exit', endServer);
      await server.stop();
      await Promise.all(origins.map((origin) => origin.stop()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Whether the answer to a transaction says of each event that it is taken. */
export function areTaken(eventIds: readonly string[], answer: any): boolean {
  return eventIds.every((eventId) => answer?.pdus?.[eventId] !== undefined && answer.pdus[eventId].error === undefined);
}

/** From here on, the peak of a process's resident memory counts anew; gives the memory now, in bytes. */
export function watchPeak(pid: number): number {
  // https://www.kernel.org/doc/html/latest/filesystems/proc.html: 5 resets the peak.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return memoryLine(pid, 'VmRSS');
}

/** The greatest resident memory of a process since `watchPeak`, in bytes. */
export function peakOf(pid: number): number {
  return memoryLine(pid, 'VmHWM');
}

function memoryLine(pid: number, name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!line) throw new Error(`process ${pid} has no ${name}`);
  return Number(line[1]) * kibibyte;
}

/** The ids of the events in the timelines of a sync's answer. */
export function* eventsIn(answer: any): Generator<string> {
  for (const room of Object.values<any>(answer.rooms?.join ?? {}))
    for (const { event_id: eventId } of room.timeline?.events ?? []) yield eventId;
}
