import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createContractCheck, type ContractCheck } from '@myelin/testing';
import { startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

import { checkedHome, comeLate, proveEachOther, Story, takeAway, type Homes } from './story.ts';

const hive = 'hive.example';
const nest = 'nest.example';

describe('encryption with matrix-js-sdk on two servers', () => {
  let federation: FederatedHomeservers | undefined;
  before(async () => {
    federation = await startFederation([hive, nest]);
  });
  after(() => federation?.stop());
  const servers = (): FederatedHomeservers => {
    assert.ok(federation);
    return federation;
  };

  const homes = (contract: ContractCheck): Homes => ({
    alice: checkedHome(servers().named(hive), contract),
    bob: checkedHome(servers().named(nest), contract),
  });

  test('two people with two devices each prove each other, talk, add a device and remove one; servers restart in between', async () => {
    const contract = await createContractCheck();
    const story = new Story(homes(contract));
    try {
      await story.begins();
      await story.meet();
      await story.everyoneSays('hello');
      await proveEachOther(story);
      await comeLate(story);

      await Promise.all(servers().homeservers.map((homeserver) => homeserver.restart()));
      for (const device of story.everyone) device.client.retryImmediately();
      await story.everyoneSays('after the restart');
      await takeAway(story);
      await story.everythingIsReadable();
    } finally {
      story.ends();
    }
    assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
  });

  test('while a server is away devices come, go and talk; when it is back it learns of all of it', async () => {
    const contract = await createContractCheck();
    const story = new Story(homes(contract));
    try {
      await story.begins('carol', 'dave');
      await story.meet();
      await story.everyoneSays('hello');
      const [carol, dave] = story.phones;
      const [daves, carols] = [story.bob, story.alice];

      await servers().cutOff(nest);
      for (const speaker of carols) await story.says(speaker, `you are away, says ${speaker.deviceId}`, carols);
      const tablet = await story.signsIn(story.homes.alice, carol);
      await carol.knowsDevices(carol.userId, [...carols, tablet]);
      await tablet.recovers();
      await carols.at(-1)?.logsOut();
      story.alice = [carol, tablet];
      await carol.says(story.room, 'come back soon');
      await tablet.reads(story.room, 'come back soon');

      await servers().reconnect(nest);
      // His server speaks to hers, which hears that it lives.
      await dave.says(story.room, 'I am back');
      for (const device of daves) {
        for (const speaker of carols) await device.reads(story.room, `you are away, says ${speaker.deviceId}`);
        await device.reads(story.room, 'come back soon');
        await device.knowsDevices(carol.userId, story.alice);
        await device.seesSigned(tablet);
      }
      await story.everyoneSays('all there');
      await story.everythingIsReadable(daves);
    } finally {
      story.ends();
    }
    assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
  });

  test('a server that is slow makes nobody wait for keys in vain', async () => {
    const contract = await createContractCheck();
    const story = new Story(homes(contract));
    try {
      await story.begins('erin', 'frank');
      servers().slowDown(nest, 700);
      await story.meet();
      await story.everyoneSays('slowly');
      await proveEachOther(story);
      await comeLate(story);
      await takeAway(story);
      await story.everythingIsReadable();
    } finally {
      servers().slowDown(nest, 0);
      story.ends();
    }
    assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
  });
});
