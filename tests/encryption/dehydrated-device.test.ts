import assert from 'node:assert/strict';

import { createContractCheck } from '@myelin/testing';
import { forEachHomeserver } from '@myelin/testing/homeserver';
import { Method } from 'matrix-js-sdk';
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/index.js';

import { Device } from './device.ts';

const path = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device';

forEachHomeserver('a dehydrated device with matrix-js-sdk', ({ test }) => {
  test('what was said while Alice was logged in nowhere, she reads on her next device', async ({ homeserver }) => {
    const contract = await createContractCheck();
    const devices: Device[] = [];
    try {
      const laptop = await Device.signsUp(homeserver, 'alice', contract);
      const bob = await Device.signsUp(homeserver, 'bob', contract);
      devices.push(laptop, bob);
      await laptop.setsUpRecovery();
      assert.equal(await laptop.crypto.isDehydrationSupported(), true);
      await laptop.crypto.startDehydration();
      const { device_id: sleeper } = await dehydratedDeviceOf(laptop);

      const room = await bob.createsSecretRoom('Secret', laptop);
      await laptop.accepts(room);
      await bob.sees('Alice in the room', () => bob.room(room).getMember(laptop.userId)?.membership === 'join');
      await bob.says(room, 'hello');
      await laptop.reads(room, 'hello');
      await laptop.hasBackedUp();
      await laptop.client.logout(true);
      const known = await hearsOfLogOut(bob, laptop);
      assert.equal(known?.get(sleeper)?.dehydrated, true);
      for (const body of ['are you there?', 'until tomorrow']) await bob.says(room, body);

      const phone = await Device.signsIn(homeserver, laptop.keychain, contract);
      devices.push(phone);
      await phone.recovers();
      await phone.sees('the room', () => phone.client.getRoom(room) !== null);
      await phone.reads(room, 'hello');
      assert.equal(phone.unreadable(room).length, 2, 'nobody has backed these up');
      await phone.crypto.startDehydration();
      await phone.reads(room, 'are you there?');
      await phone.reads(room, 'until tomorrow');
      assert.deepEqual(phone.unreadable(room), []);
      assert.notEqual((await dehydratedDeviceOf(phone)).device_id, sleeper, 'another takes its place');
    } finally {
      for (const device of devices) device.stopsListening();
    }
    assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
  });
});

/** Waits until `listener` knows that a device is gone, and gives those that its owner still has. */
async function hearsOfLogOut(listener: Device, gone: Device) {
  for (;;) {
    const change = new Promise((resolve) => listener.client.once(CryptoEvent.DevicesUpdated, resolve));
    const known = (await listener.crypto.getUserDeviceInfo([gone.userId], true)).get(gone.userId);
    if (!known?.has(gone.deviceId)) return known;
    await change;
  }
}

async function dehydratedDeviceOf(device: Device): Promise<{ readonly device_id: string }> {
  return device.client.http.authedRequest(Method.Get, '', undefined, undefined, { prefix: path, priority: 'auto' });
}
