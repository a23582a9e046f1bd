import { after, afterEach, before, describe, test } from 'node:test';

import type { Person } from '@myelin/testing';
import { installedSynapse, type MyelinAndSynapse, startMyelinBesideSynapse, synapseVersion } from '@myelin/testing/synapse';

import { enterByASpace, hideThePast, knock, lookIntoTheDirectory, refuseAnInvitation } from './doors.ts';
import { inviteAnAddress, keepOut } from './gates.ts';
import { meet } from './meeting.ts';
import { comeBack, showOneself } from './neighbours.ts';
import { type Halves, halvesOf, makeUp, quarrel } from './partition.ts';
import { agreeOn, knows, share } from './shared-room.ts';

const python = installedSynapse();
const skip = python === undefined && `Synapse ${synapseVersion} is not installed: npm test does that where PyPI can be reached`;
const versions = ['1', '6', '10', '11', '12'];

describe('Myelin and Synapse', { skip }, () => {
  let servers: MyelinAndSynapse;
  // On Myelin; on Synapse.
  let alice: Person, anna: Person;
  let sid: Person, sue: Person;
  before(async () => {
    servers = await startMyelinBesideSynapse(python ?? '');
    [alice, anna] = [await servers.myelin.person('alice'), await servers.myelin.person('anna')];
    [sid, sue] = [await servers.synapse.person('sid'), await servers.synapse.person('sue')];
  });
  afterEach(() => servers.reconnect());
  after(() => servers?.stop());

  for (const version of versions) {
    test(`a room of version ${version} on Myelin, where people of Synapse come and go`, () => meet(version, alice, sid, sue));
    test(`a room of version ${version} on Synapse, where people of Myelin come and go`, () => meet(version, sid, alice, anna));
  }

  for (const [where, host, guest] of [
    ['on Myelin', () => alice, () => sid],
    ['on Synapse', () => sid, () => alice],
  ] as const) {
    test(`rooms ${where}: an invitation is refused, and one is taken back`, async () => {
      for (const version of versions) await refuseAnInvitation(version, host(), guest());
    });
    test(`rooms ${where}: somebody knocks`, async () => {
      // Synapse tells no other server that a knock was withdrawn.
      const withdrawn = guest() === alice;
      for (const version of ['7', '10', '12']) await knock(version, host(), guest(), { withdrawn });
    });
    test(`rooms ${where}: members of a space come in`, async () => {
      for (const version of ['8', '10', '12']) await enterByASpace(version, host(), guest());
    });
    test(`rooms ${where}: servers are kept out`, async () => {
      for (const version of ['1', '10', '12']) await keepOut(version, host(), guest(), { by: sid });
    });
    test(`rooms ${where}: an address is invited`, async () => {
      for (const version of ['1', '10', '12']) await inviteAnAddress(version, host(), guest());
    });
    test(`rooms ${where}: found in the directory`, () => lookIntoTheDirectory(host(), guest()));
    test(`rooms ${where}: the past is for those who were there`, () => hideThePast(host(), guest()));
  }

  test('who is there, and under which name, is seen across', async () => {
    await showOneself(alice, sid);
    await showOneself(sid, alice);
  });

  test('whoever left comes back, and reads what was said meanwhile', async () => {
    for (const version of ['1', '10', '12']) {
      await comeBack(version, alice, sid);
      await comeBack(version, sid, alice);
    }
  });

  test('rooms of every version that were in two halves become one, whatever was done in each', async () => {
    const rooms: Halves[] = [];
    for (const version of versions) {
      rooms.push(await halvesOf(version, alice, sid, sue), await halvesOf(version, sid, alice, anna));
    }
    await servers.cutOff();
    const said = await Promise.all(rooms.map(quarrel));
    await servers.reconnect();
    for (const [index, room] of rooms.entries()) await makeUp(room, said[index] ?? []);
  });

  test('Synapse is killed and comes back: what was said meanwhile arrives', async () => {
    const rooms = [await share('10', alice, sid), await share('11', sid, alice)];
    const missed: [room: string, eventId: string][] = [];
    await servers.synapse.kill();
    for (const room of rooms) {
      for (let index = 0; index < 10; index++) missed.push([room, await alice.says(`you missed this ${index}`, room)]);
      missed.push([room, await alice.setsState(room, 'm.room.name', { name: 'While you were out' })]);
    }
    await servers.synapse.start();
    for (const [room, eventId] of missed) await knows(sid, room, eventId);
    for (const room of rooms) {
      await knows(alice, room, await sid.says('I am back', room));
      await agreeOn(room, alice, sid);
    }
  });

  test('Myelin ends and comes back: what was said meanwhile arrives, and what it had not sent yet goes out', async () => {
    const rooms = [await share('10', alice, sid), await share('12', sid, alice)];
    const missed: [room: string, hearer: Person, eventId: string][] = [];
    await servers.cutOff();
    for (const room of rooms) {
      for (let index = 0; index < 5; index++) missed.push([room, sid, await alice.says(`not sent yet ${index}`, room)]);
      for (let index = 0; index < 5; index++) missed.push([room, alice, await sid.says(`you missed this ${index}`, room)]);
    }
    await servers.myelin.restart();
    await servers.reconnect();
    for (const [room, hearer, eventId] of missed) await knows(hearer, room, eventId);
    for (const room of rooms) await agreeOn(room, alice, sid);
  });
});
