import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import {
  createContractCheck,
  expectSyncToConverge,
  noPostgresReason,
  postgresDatabases,
  ServerProcess,
  sqliteDatabases,
  type TestDatabases,
} from '@myelin/testing';

import { Talker } from './talker.ts';

suite('SQLite', sqliteDatabases, undefined);
suite('PostgreSQL', postgresDatabases(), noPostgresReason());

function suite(label: string, databases: TestDatabases | undefined, skip: string | undefined): void {
  describe(`two people with matrix-js-sdk (${label})`, { skip: skip ?? false }, () => {
    let server: ServerProcess;
    before(async () => {
      if (databases) server = await ServerProcess.start(databases);
    });
    const talkers: Talker[] = [];
    after(async () => {
      for (const talker of talkers) talker.stopsListening();
      await server.stop();
    });

    test('they register, make a room, talk, edit, react, page back, go offline and come back; the server is killed in between', async () => {
      const contract = await createContractCheck();
      const alice = await Talker.registers(server.baseUrl, 'alice', contract);
      const bob = await Talker.registers(server.baseUrl, 'bob', contract);
      talkers.push(alice, bob);
      await Promise.all([alice.startsListening(), bob.startsListening()]);

      // Alice makes a room and invites Bob, who accepts.
      const { room_id: roomId } = await alice.client.createRoom({ name: 'Kitchen', invite: [bob.userId] });
      await bob.sees('the invitation', () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite');
      await bob.client.joinRoom(roomId);
      await bob.sees('the room', () => bob.client.getRoom(roomId)?.getMyMembership() === 'join');
      await alice.sees('that Bob has come', () => alice.room(roomId).getMember(bob.userId)?.membership === 'join');
      assert.equal(bob.room(roomId).name, 'Kitchen');

      // Bob has a bot too, which only listens.
      const bot = await server.logsIn('bob', "bob's secret", contract);
      await bot.syncs();

      // They talk; each hears the other, in one order.
      const hello = await alice.says(roomId, 'hello Bob');
      await bob.sees('the greeting', () => bob.hears(roomId).includes('hello Bob'));
      const reply = await bob.says(roomId, 'helo Alice');
      await alice.sees('the reply', () => alice.hears(roomId).includes('helo Alice'));

      // Bob corrects himself, Alice reacts.
      await bob.edits(roomId, reply, 'hello Alice');
      await alice.sees('the correction', () => alice.hears(roomId).includes('hello Alice'));
      await alice.reacts(roomId, reply, '👍');
      await bob.sees('the reaction', () => {
        const reactions = bob.room(roomId).relations.getChildEventsForEvent(reply, 'm.annotation', 'm.reaction');
        return (reactions?.getSortedAnnotationsByKey() ?? []).some(([key]) => key === '👍');
      });

      // The power goes in the middle of Alice's talk: what was acknowledged is there, what was not she sends again.
      const said: string[] = [];
      const talking = (async () => {
        for (let number = 0; number < 60; number++) {
          await alice.says(roomId, `sentence ${number}`);
          said.push(`sentence ${number}`);
        }
      })().catch(() => undefined);
      await bob.sees('some of it', () => said.length >= 20);
      await server.kill();
      await talking;
      await server.start();
      await bot.syncs();
      for (let number = said.length; number < 60; number++) await alice.says(roomId, `sentence ${number} again`);
      await bob.sees(
        'the end of it',
        () => bob.hears(roomId).includes('sentence 59') || bob.hears(roomId).includes('sentence 59 again'),
      );
      // He was away while the server was: what he missed, he pages back to.
      await bob.pagesBackToTheStart(roomId);
      const heard = bob.hears(roomId);
      for (const sentence of said) assert.equal(heard.filter((body) => body === sentence).length, 1, sentence);

      // Bob goes offline; what he misses awaits him, with a gap that he can page through.
      bob.stopsListening();
      await bot.syncs();
      for (let number = 0; number < 50; number++) await alice.says(roomId, `while Bob was away ${number}`);
      const again = await Talker.logsIn(server.baseUrl, 'bob', contract);
      talkers.push(again);
      await again.startsListening();
      await again.sees('the last word', () => again.hears(roomId).includes('while Bob was away 49'));
      await again.pagesBackToTheStart(roomId);
      // Alice looks on a new device too: her old one may still show a sentence that it believes unsent.
      const elsewhere = await Talker.logsIn(server.baseUrl, 'alice', contract);
      talkers.push(elsewhere);
      await elsewhere.startsListening();
      await elsewhere.pagesBackToTheStart(roomId);
      const [aliceRead, bobRead] = [elsewhere.eventIds(roomId), again.eventIds(roomId)];
      assert.equal(new Set(bobRead).size, bobRead.length, 'nothing is doubled');
      assert.deepEqual(bobRead, aliceRead, 'both read the same, in one order');
      assert.ok(again.hears(roomId).includes('hello Alice'), 'the correction is applied to what is paged back to');
      assert.equal(again.hears(roomId).filter((body) => body.startsWith('while Bob was away')).length, 50);

      // He has read it, and Alice knows.
      const last = again.room(roomId).findEventById(aliceRead.at(-1) ?? '');
      assert.ok(last);
      await again.client.sendReadReceipt(last);
      await alice.sees('that Bob has read it', () => alice.room(roomId).hasUserReadEvent(bob.userId, last.getId() ?? ''));
      assert.ok(bobRead.includes(hello));

      // What the bot made of all that it heard is what a new device is told.
      await expectSyncToConverge(bot);
      await bot.http.close();
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    });
  });
}
