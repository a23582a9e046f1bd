import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import {
  createContractCheck,
  noPostgresReason,
  postgresDatabases,
  ServerProcess,
  sqliteDatabases,
  type TestDatabases,
} from '@myelin/testing';

import { comeLate, proveEachOther, Story, takeAway } from './story.ts';

suite('SQLite', sqliteDatabases, undefined);
suite('PostgreSQL', postgresDatabases(), noPostgresReason());

function suite(label: string, databases: TestDatabases | undefined, skip: string | undefined): void {
  describe(`encryption with matrix-js-sdk on one server (${label})`, { skip: skip ?? false }, () => {
    let server: ServerProcess;
    before(async () => {
      if (databases) server = await ServerProcess.start(databases);
    });
    after(() => server.stop());

    test('two people with two devices each prove each other, talk, add a device and remove one; the server is killed in between', async () => {
      const contract = await createContractCheck();
      const story = new Story({ alice: server, bob: server }, contract);
      try {
        await story.begins();
        await story.meet();
        await story.everyoneSays('hello');
        await proveEachOther(story);

        await server.kill();
        await server.start();
        for (const device of story.everyone) device.client.retryImmediately();
        await story.everyoneSays('after the power cut');

        await comeLate(story);
        await server.kill();
        await server.start();
        for (const device of story.everyone) device.client.retryImmediately();
        await takeAway(story);
        story.nothingIsUnreadable();
      } finally {
        story.ends();
      }
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    });
  });
}
