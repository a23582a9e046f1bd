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

import { Device } from './device.ts';
import { beginAnew, checkedHome, comeLate, proveEachOther, Story, takeAway } from './story.ts';

suite('SQLite', sqliteDatabases, undefined);
suite('PostgreSQL', postgresDatabases(), noPostgresReason());

function suite(label: string, databases: TestDatabases | undefined, skip: string | undefined): void {
  describe(`encryption with matrix-js-sdk on one server (${label})`, { skip: skip ?? false }, () => {
    let server: ServerProcess;
    before(async () => {
      if (databases) server = await ServerProcess.start(databases);
    });
    after(() => server.stop());

    test('two people with two devices each prove each other, talk, add a device and remove one, begin anew; the server is killed in between', async () => {
      const contract = await createContractCheck();
      const home = checkedHome(server, contract);
      const story = new Story({ alice: home, bob: home });
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
        await beginAnew(story);
        await story.everythingIsReadable();
      } finally {
        story.ends();
      }
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    });

    test('answers that get lost on the way lose no key', async () => {
      const contract = await createContractCheck();
      const home = checkedHome(server, contract);
      const story = new Story({ alice: home, bob: home });
      try {
        await story.begins('carol', 'dave');
        // The server has done its part; the client does not hear of it, and does it again.
        const lost = /\/keys\/(upload|query|claim)$|\/sendToDevice\/|\/sync$/;
        for (const device of story.everyone) {
          const seen = new Set<string>();
          device.line.loses = (_method, path) => {
            const [kind] = lost.exec(path) ?? [];
            if (kind === undefined || seen.has(kind)) return false;
            seen.add(kind);
            return true;
          };
        }
        await story.meet();
        await story.everyoneSays('hello');
        await story.everythingIsReadable();
      } finally {
        story.ends();
      }
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    });

    test('without a backup, a proven device asks the older ones for keys, and they are handed over', async () => {
      const contract = await createContractCheck();
      const home = checkedHome(server, contract);
      const devices: Device[] = [];
      try {
        const phone = await Device.signsUp(home, 'erin', contract);
        const frank = await Device.signsUp(home, 'frank', contract);
        devices.push(phone, frank);
        await phone.setsUpRecovery({ backup: false });
        const room = await phone.createsSecretRoom('Secret', frank);
        await frank.accepts(room);
        await phone.sees('Frank', () => phone.room(room).getMember(frank.userId)?.membership === 'join');
        await phone.says(room, 'before the laptop');
        await frank.reads(room, 'before the laptop');
        await frank.says(room, 'before it as well');
        await phone.reads(room, 'before it as well');

        const laptop = await Device.signsIn(home, phone.keychain, contract);
        devices.push(laptop);
        await phone.knowsDevices(phone.userId, [phone, laptop]);
        await laptop.comparesEmoji(phone);
        await laptop.sees('the room', () => laptop.client.getRoom(room) !== null);
        await laptop.sees('messages that it cannot read', () => laptop.unreadable(room).length === 2);
        await laptop.asksForKeys(room);
        await laptop.reads(room, 'before the laptop');
        await laptop.reads(room, 'before it as well');
        assert.deepEqual(laptop.unreadable(room), []);
      } finally {
        for (const device of devices) device.stopsListening();
      }
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    });
  });
}
