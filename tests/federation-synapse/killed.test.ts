import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Person } from '@myelin/testing';
import { createContractCheck, type ContractCheck, type ServerProcess } from '@myelin/testing/homeserver';
import { installedSynapse, type MyelinAndSynapse, startProcessBesideSynapse, synapseVersion } from '@myelin/testing/synapse';

import { agreeOn, inRoom, knows, sees, serverOf, share } from './shared-room.ts';

const python = installedSynapse();
const skip = python === undefined && `Synapse ${synapseVersion} is not installed: npm test does that where PyPI can be reached`;

describe('Myelin is killed beside Synapse', { skip }, () => {
  let servers: MyelinAndSynapse<ServerProcess>;
  let contract: ContractCheck;
  let alice: Person, sid: Person;
  before(async () => {
    servers = await startProcessBesideSynapse(python ?? '');
    contract = await createContractCheck();
    alice = await servers.myelin.registers('alice', 'secret of alice', contract);
    sid = await servers.synapse.person('sid');
  });
  after(async () => {
    await servers?.stop();
    assert.deepEqual(contract?.takeViolations() ?? [], []);
  });

  /** Ends Myelin as a power cut would, and starts it again. */
  const blackout = async (): Promise<void> => {
    await servers.myelin.kill();
    await servers.myelin.start();
  };

  for (const version of ['1', '10', '12']) {
    test(`in the middle of what both say: nothing that was answered is lost (version ${version})`, async () => {
      const rooms = [await share(version, alice, sid), await share(version, sid, alice)];
      const answered: [room: string, hearer: Person, eventId: string][] = [];
      // Nobody waits for the other, and the cut falls among requests that are under way.
      const speaks = async (speaker: Person, hearer: Person, room: string, words: number): Promise<void> => {
        for (let word = 0; word < words; word++) {
          try {
            answered.push([room, hearer, await speaker.says(`${speaker.localpart} ${word}`, room)]);
          } catch (error) {
            // Myelin is dead; what it did not answer may be lost.
            if (speaker !== alice || error instanceof assert.AssertionError) throw error;
            return;
          }
        }
      };
      const talking = rooms.flatMap((room) => [speaks(alice, sid, room, 100), speaks(sid, alice, room, 12)]);
      while (answered.filter(([, hearer]) => hearer === sid).length < 12) await new Promise((resolve) => setImmediate(resolve));
      await blackout();
      await Promise.all(talking);
      for (const room of rooms) {
        answered.push([room, sid, await alice.says('I am back', room)], [room, alice, await sid.says('so you are', room)]);
      }
      for (const [room, hearer, eventId] of answered) await knows(hearer, room, eventId);
      for (const room of rooms) await agreeOn(room, alice, sid);
    });
  }

  test('while it enters a room of Synapse: it is in or out, and can come in', async () => {
    for (const pauseMs of [5, 40, 120]) {
      const room = await sid.createsRoom({ preset: 'public_chat', room_version: '10' });
      const join = `/join/${encodeURIComponent(room)}?via=${serverOf(sid)}&server_name=${serverOf(sid)}`;
      const entering = alice.request('POST', join, { body: {} }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await blackout();
      await entering;
      const { status } = await alice.request('POST', join, { body: {} });
      assert.equal(status, 200);
      await sees(sid, room, alice.userId, 'join');
      await knows(sid, room, await alice.says('here I am', room));
      await knows(alice, room, await sid.says('welcome', room));
      const members = await alice.get(inRoom(room, 'joined_members'));
      assert.deepEqual(Object.keys(members.joined).sort(), [alice.userId, sid.userId].sort());
      await agreeOn(room, alice, sid);
    }
  });
});
