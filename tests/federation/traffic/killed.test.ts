import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { eventIdOf, type Pdu } from '@myelin/protocol/events';
import {
  createContractCheck,
  freePort,
  HttpClient,
  longTimelines,
  noPostgresReason,
  postgresDatabases,
  ServerProcess,
  sqliteDatabases,
  type ContractCheck,
  type Person,
  type TestDatabases,
} from '@myelin/testing';
import { createCertificateAuthority, FakeServer, TestResolver } from '@myelin/testing/network';

import { FakeRoom, type FakeEvent } from '../fake-room.ts';

const hive = 'hive.example';
const eventsInTransaction = 25;
const transactions = 24;
const answeredBeforeKill = [5, 13];

suite('SQLite', sqliteDatabases, undefined);
suite('PostgreSQL', postgresDatabases(), noPostgresReason());

function suite(label: string, databases: TestDatabases | undefined, skip: string | undefined): void {
  describe(`a server that is killed while others talk to it (${label})`, { skip: skip ?? false }, () => {
    let directory: string;
    let contract: ContractCheck;
    let server: ServerProcess;
    let nest: FakeServer;
    before(async () => {
      if (!databases) return;
      directory = await mkdtemp(join(tmpdir(), 'myelin-killed-'));
      const authority = createCertificateAuthority();
      const authorityFile = join(directory, 'authority.pem');
      await writeFile(authorityFile, authority.certificate);
      const port = await freePort();
      nest = await FakeServer.start(`localhost:${port}`, { resolver: new TestResolver(), authority, port });
      nest.answersUnder.set('/_matrix/federation/v1/send/', () => ({ pdus: {} }));
      contract = await createContractCheck();
      server = await ServerProcess.start(databases, {
        server_name: hive,
        federation_custom_ca_list: [authorityFile],
        ip_range_blacklist: [],
        presence: { enabled: false },
      });
    });
    after(async () => {
      await server.stop();
      await nest.stop();
      await rm(directory, { recursive: true, force: true });
    });

    /** Alice comes into a room of the other server. */
    async function enters(alice: Person): Promise<FakeRoom> {
      const room = new FakeRoom(nest, '12');
      nest.answersUnder.set('/_matrix/federation/v1/make_join/', () => room.template(alice.userId, 'join'));
      nest.answersUnder.set('/_matrix/federation/v2/send_join/', (_request, body) => {
        const { state } = room;
        room.adds({ eventId: eventIdOf(body as Pdu, room.rules), pdu: body as Pdu });
        return { origin: nest.name, event: body as Pdu, state, auth_chain: state, members_omitted: false };
      });
      await alice.post(`/join/${encodeURIComponent(room.roomId)}?via=${encodeURIComponent(nest.name)}`, {});
      return room;
    }

    /** Hands in a transaction; false where the server is not there to answer. */
    async function hands(http: HttpClient, transactionId: string, events: readonly FakeEvent[]): Promise<boolean> {
      const uri = `/_matrix/federation/v1/send/${transactionId}`;
      const content = { origin: nest.name, origin_server_ts: 1, pdus: events.map(({ pdu }) => pdu) };
      const authorization = nest.authorization({ method: 'PUT', uri, destination: hive, content });
      try {
        const { status, body } = await http.request('PUT', uri, { headers: { authorization }, body: content });
        assert.equal(status, 200);
        assert.deepEqual(body.pdus, Object.fromEntries(events.map(({ eventId }) => [eventId, {}])));
        return true;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        return false;
      }
    }

    test('what it has answered is in the room afterwards, once and in order; nobody has to send it again', async () => {
      const alice = await server.registers('alice', "Alice's secret", contract);
      const room = await enters(alice);
      await alice.syncs();
      const talk = Array.from({ length: transactions }, (_, turn) =>
        Array.from({ length: eventsInTransaction }, (__, at) =>
          room.adds(room.event({ type: 'm.room.message', content: { msgtype: 'm.text', body: `${turn}.${at}` } })),
        ),
      );
      const http = new HttpClient(server.baseUrl, contract);
      // As many rounds as events, at the most.
      const seen = async (event: FakeEvent | undefined): Promise<void> => {
        for (let isThere = false; !isThere;) {
          const answer = await alice.waitsForSync(longTimelines);
          const news: readonly { readonly event_id: string }[] = answer.rooms?.join?.[room.roomId]?.timeline.events ?? [];
          assert.notEqual(news.length, 0, 'what was answered does not come');
          isThere = news.some(({ event_id: id }) => id === event?.eventId);
        }
      };
      for (let next = 0, killed = 0; next < transactions;) {
        // What was answered is not sent again; the one that was cut off is, as any server would.
        const isAnswered = await hands(http, `t${next}`, talk[next] ?? []);
        if (isAnswered) next += 1;
        if (isAnswered && next !== answeredBeforeKill[killed]) continue;
        killed += 1;
        await server.kill();
        await server.start();
        // The other server gives nothing again: what is behind this event must have been kept.
        await seen(talk[next - 1]?.at(-1));
      }
      await seen(talk.at(-1)?.at(-1));
      assert.equal(nest.asked(`/_matrix/federation/v1/state_ids/${encodeURIComponent(room.roomId)}`), 0);
      const told: string[] = [];
      let from: string | undefined;
      do {
        const page = await alice.get(`/rooms/${encodeURIComponent(room.roomId)}/messages`, {
          dir: 'b',
          limit: 200,
          ...(from !== undefined && { from }),
        });
        for (const { event_id: id, type } of page.chunk) if (type === 'm.room.message') told.unshift(id);
        from = page.chunk.length === 0 ? undefined : page.end;
      } while (from !== undefined);
      assert.deepEqual(
        told,
        talk.flat().map(({ eventId }) => eventId),
      );
      await http.close();
    });
  });
}
