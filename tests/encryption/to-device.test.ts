import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import {
  createContractCheck,
  HttpClient,
  noPostgresReason,
  postgresDatabases,
  ServerProcess,
  sqliteDatabases,
  type ContractCheck,
  type Person,
  type TestDatabases,
} from '@myelin/testing';

const tea = 'org.example.tea';

suite('SQLite', sqliteDatabases, undefined);
suite('PostgreSQL', postgresDatabases(), noPostgresReason());

async function person(server: ServerProcess, username: string, contract: ContractCheck): Promise<Person> {
  const http = new HttpClient(server.baseUrl, contract);
  const password = `${username}'s secret`;
  await http.request('POST', '/register', { body: { username, password, auth: { type: 'm.login.dummy' } } });
  await http.close();
  return server.logsIn(username, password, contract);
}

function suite(label: string, databases: TestDatabases | undefined, skip: string | undefined): void {
  describe(`messages to devices, and power cuts (${label})`, { skip: skip ?? false }, () => {
    let server: ServerProcess;
    before(async () => {
      if (databases) server = await ServerProcess.start(databases);
    });
    after(() => server.stop());

    test('what was acknowledged is delivered once, what was delivered is kept until it is taken', async () => {
      const contract = await createContractCheck();
      const [alice, bob] = [await person(server, 'alice', contract), await person(server, 'bob', contract)];
      const numbersIn = (answer: any): number[] => (answer.to_device?.events ?? []).map(({ content }: any) => content.n);
      const send = (n: number) => alice.sendsToDevices(tea, { [bob.userId]: { '*': { n } } }, `t${n}`);
      await bob.syncs();
      const { since } = bob;
      assert.ok(since);

      // The power goes while she sends: what she has no answer for she sends again, with the same transaction ids.
      const acknowledged = new Set<number>();
      const sending = Promise.allSettled(
        Array.from({ length: 40 }, async (_, n) => {
          await send(n);
          acknowledged.add(n);
          if (acknowledged.size === 15) await server.kill();
        }),
      );
      await sending;
      assert.ok(acknowledged.size >= 14 && acknowledged.size < 40, `${acknowledged.size} were acknowledged`);
      await server.start();
      for (let n = 0; n < 40; n++) await send(n);
      const all = Array.from({ length: 40 }, (_, n) => n);
      const answer = await bob.get('/sync', { since });
      assert.deepEqual(
        numbersIn(answer).toSorted((a, b) => a - b),
        all,
      );

      // It goes before Bob has said that he has them, and again right after.
      await server.kill();
      await server.start();
      assert.deepEqual(numbersIn(await bob.get('/sync', { since })), numbersIn(answer));
      assert.deepEqual(numbersIn(await bob.get('/sync', { since: answer.next_batch })), []);
      await server.kill();
      await server.start();
      assert.deepEqual(numbersIn(await bob.get('/sync')), []);
      for (const n of all) await send(n);
      await send(40);
      assert.deepEqual(numbersIn(await bob.get('/sync', { since: answer.next_batch })), [40]);
      await Promise.all([alice.http.close(), bob.http.close()]);
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    });
  });
}
