import assert from 'node:assert/strict';

import type { ContractCheck } from '@myelin/testing';

import { Device, inTime, type Home } from './device.ts';

/** A homeserver, and what its answers are held against. */
export interface CheckedHome extends Home {
  readonly contract: ContractCheck;
}

/** Where the two people are at home. */
export interface Homes {
  readonly alice: CheckedHome;
  readonly bob: CheckedHome;
}

/** The same server, wherever it is when it starts again; its answers are held against the spec. */
export function checkedHome(home: Home, contract: ContractCheck): CheckedHome {
  return {
    contract,
    get baseUrl() {
      return home.baseUrl;
    },
  };
}

/** Two people, on one server or on two, with two devices each that their owners have proven. */
export class Story {
  readonly homes: Homes;
  readonly #devices: Device[] = [];
  readonly #said: string[] = [];
  alice: readonly Device[] = [];
  bob: readonly Device[] = [];
  room = '';

  constructor(homes: Homes) {
    this.homes = homes;
  }

  get everyone(): readonly Device[] {
    return [...this.alice, ...this.bob];
  }

  get phones(): readonly [alice: Device, bob: Device] {
    const [[alice], [bob]] = [this.alice, this.bob];
    assert.ok(alice && bob);
    return [alice, bob];
  }

  /**
   * They sign up on their phones and make recovery keys. Alice proves her laptop with hers; Bob lets his phone and his laptop show emoji, and
   * the phone hands over what it keeps.
   */
  async begins(aliceName = 'alice', bobName = 'bob'): Promise<void> {
    const { alice, bob } = this.homes;
    const phones = await Promise.all([
      Device.signsUp(alice, aliceName, alice.contract),
      Device.signsUp(bob, bobName, bob.contract),
    ]);
    this.#devices.push(...phones);
    await Promise.all(phones.map((phone) => phone.setsUpRecovery()));
    const laptops = await Promise.all([this.signsIn(alice, phones[0]), this.signsIn(bob, phones[1])]);
    await laptops[0].recovers();
    await phones[1].knowsDevices(phones[1].userId, [phones[1], laptops[1]]);
    await laptops[1].comparesEmoji(phones[1]);
    this.alice = [phones[0], laptops[0]];
    this.bob = [phones[1], laptops[1]];
    for (const devices of [this.alice, this.bob]) for (const one of devices) for (const other of devices) await one.trusts(other);
  }

  /** Another device of somebody, which nobody has proven yet. */
  async signsIn(home: CheckedHome, owner: Device): Promise<Device> {
    const device = await Device.signsIn(home, owner.keychain, home.contract);
    this.#devices.push(device);
    return device;
  }

  /** Alice makes a secret room, Bob comes in, and all devices see both of them there. */
  async meet(): Promise<void> {
    const [alice, bob] = this.phones;
    this.room = await alice.createsSecretRoom('Secret', bob);
    await bob.accepts(this.room);
    for (const device of this.everyone) {
      await device.sees('both in the room', () =>
        [alice, bob].every(({ userId }) => device.client.getRoom(this.room)?.getMember(userId)?.membership === 'join'),
      );
    }
    // A message is encrypted for the devices that its sender has heard of by then.
    for (const device of this.everyone) {
      await device.knowsDevices(alice.userId, this.alice);
      await device.knowsDevices(bob.userId, this.bob);
    }
  }

  /** Somebody says something, and every device reads it. */
  async says(speaker: Device, body: string, readers: readonly Device[] = this.everyone): Promise<void> {
    await inTime(`${speaker.userId} says ${body}`, speaker.says(this.room, body));
    this.#said.push(body);
    await Promise.all(readers.map((device) => device.reads(this.room, body)));
  }

  /** Each device says something that all can read. */
  async everyoneSays(what: string): Promise<void> {
    for (const [index, device] of this.everyone.entries()) await this.says(device, `${what} ${index}`);
  }

  /** All devices have read everything that was said, back to the start of the room. */
  async everythingIsReadable(devices: readonly Device[] = this.everyone): Promise<void> {
    for (const device of devices) {
      await device.pagesBackToTheStart(this.room);
      for (const body of this.#said) await device.reads(this.room, body);
      assert.deepEqual(device.unreadable(this.room), [], `${device.userId} ${device.deviceId}`);
    }
  }

  ends(): void {
    for (const device of this.#devices) device.stopsListening();
  }
}

/** They prove each other by emoji; then each device counts every other as proven. */
export async function proveEachOther(story: Story): Promise<void> {
  const [alice, bob] = story.phones;
  // In the open: the SDK misses what it has decrypted before it looks for messages that belong to a proof.
  const { room_id: room } = await alice.client.createRoom({ name: 'Emoji', invite: [bob.userId] });
  await bob.accepts(room);
  await alice.sees('Bob', () => alice.client.getRoom(room)?.getMember(bob.userId)?.membership === 'join');
  await alice.comparesEmoji(bob, room);
  for (const one of story.everyone) for (const other of story.everyone) await one.trusts(other);
}

/** A device that comes late reads what was said before, from the backup, and from then on what is said. */
export async function comeLate(story: Story): Promise<Device> {
  const [alice, bob] = story.phones;
  const before = alice.readable(story.room);
  assert.ok(before.length > 0);
  await alice.hasBackedUp();
  const tablet = await story.signsIn(story.homes.alice, alice);
  for (const device of story.everyone) await device.knowsDevices(alice.userId, [...story.alice, tablet]);
  const { total, imported } = await tablet.recovers();
  assert.ok(total > 0 && imported === total, `${imported} of ${total} keys`);
  for (const body of before) await tablet.reads(story.room, body);
  story.alice = [...story.alice, tablet];
  for (const device of story.everyone) await device.trusts(tablet);
  await story.says(bob, 'Bob greets the tablet');
  await story.says(tablet, 'the tablet greets back');
  return tablet;
}

/** A device that is logged out is gone for everybody, and nothing is encrypted for it any more. */
export async function takeAway(story: Story): Promise<void> {
  const [, bob] = story.phones;
  const laptop = story.bob.at(-1);
  assert.ok(laptop && laptop !== bob);
  await laptop.logsOut();
  story.bob = story.bob.filter((device) => device !== laptop);
  for (const device of story.everyone) await device.knowsDevices(bob.userId, story.bob);
  await story.everyoneSays('without the laptop');
}

/** Somebody loses all keys and begins anew. The other is told, and after they have proven each other again it is as before. */
export async function beginAnew(story: Story): Promise<void> {
  const [alice, bob] = story.phones;
  for (const other of story.alice.slice(1)) await other.logsOut();
  story.alice = [alice];
  await alice.setsUpRecovery();
  await bob.sees('that Alice is not who she was', () => bob.distrusts.has(alice.userId));
  await bob.crypto.withdrawVerificationRequirement(alice.userId);
  for (const device of story.bob) await device.knowsDevices(alice.userId, story.alice);
  await story.everyoneSays('anew');
  await proveEachOther(story);
}
