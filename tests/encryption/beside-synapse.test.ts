import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createContractCheck, type ContractCheck } from '@myelin/testing';
import { installedSynapse, type MyelinAndSynapse, startMyelinBesideSynapse, synapseVersion } from '@myelin/testing/synapse';

import { checkedHome, comeLate, proveEachOther, Story, takeAway } from './story.ts';

const python = installedSynapse();
const skip = python === undefined && `Synapse ${synapseVersion} is not installed: npm test does that where PyPI can be reached`;
/** What Synapse answers its clients is not ours to judge. */
const unchecked: ContractCheck = { check: () => undefined, takeViolations: () => [] };

describe('encryption with matrix-js-sdk on Myelin and Synapse', { skip }, () => {
  let servers: MyelinAndSynapse;
  before(async () => {
    servers = await startMyelinBesideSynapse(python ?? '');
  });
  after(() => servers?.stop());

  for (const [where, host] of [
    ['Myelin', 'alice'],
    ['Synapse', 'bob'],
  ] as const) {
    test(`two people, the room is on ${where}: they prove each other, talk, add a device and remove one, through power cuts and lost lines`, async () => {
      const contract = await createContractCheck();
      const myelin = checkedHome(servers.myelin, contract);
      const synapse = checkedHome(servers.synapse, unchecked);
      const story = new Story(host === 'alice' ? { alice: myelin, bob: synapse } : { alice: synapse, bob: myelin });
      try {
        await story.begins(`alice-${host}`, `bob-${host}`);
        await story.meet();
        await story.everyoneSays('hello');
        await proveEachOther(story);
        await comeLate(story);

        await servers.cutOff();
        const [alice, bob] = story.phones;
        await story.says(alice, 'alone, says Alice', story.alice);
        await story.says(bob, 'alone, says Bob', story.bob);
        await servers.synapse.kill();
        await servers.myelin.restart();
        await servers.synapse.start();
        await servers.reconnect();
        for (const device of story.everyone) device.client.retryImmediately();
        await story.everyoneSays('together again');
        await takeAway(story);
        await story.everythingIsReadable();
      } finally {
        story.ends();
      }
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    });
  }
});
