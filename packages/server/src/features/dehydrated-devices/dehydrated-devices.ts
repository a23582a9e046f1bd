import type { DeviceKeysValue, KeyObjectValue } from '@myelin/protocol/api/client';
import { forbidden, invalidParam, notFound, tooLarge } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { DeviceId } from '@myelin/protocol/identifiers';

import type { Database, InteractiveTx } from '../../platform/database/index.ts';
import type { AccountIdentity } from '../account/index.ts';
import type { Devices } from '../devices/index.ts';
import type { WaitingMessage } from '../to-device/index.ts';
import {
  type DehydratedDevice,
  forgetDehydratedDevice,
  putDehydratedDevice,
  readDehydratedDevice,
} from './dehydrated-devices.store.ts';

export type { DehydratedDevice } from './dehydrated-devices.store.ts';

/** The keys that a dehydrated device publishes once for all its life. */
export interface PublishedKeys {
  readonly deviceKeys: DeviceKeysValue;
  readonly oneTimeKeys?: Readonly<Record<string, KeyObjectValue>> | undefined;
  readonly fallbackKeys?: Readonly<Record<string, KeyObjectValue>> | undefined;
}

export interface DehydratedDevicesNeeds {
  readonly database: Database;
  readonly devices: Pick<Devices, 'idsOf' | 'putIn' | 'deleteIn' | 'onDeleted'>;
  readonly keys: {
    /** Checks keys; what it gives publishes them in a transaction in which the device is there. */
    prepare(
      user: AccountIdentity,
      deviceId: DeviceId,
      upload: PublishedKeys,
    ): Promise<((tx: InteractiveTx) => Promise<void>) | undefined>;
  };
  readonly toDevice: {
    messagesOf(
      device: { readonly userNid: number; readonly deviceId: DeviceId },
      since: number,
      limit: number,
    ): Promise<{ readonly messages: readonly WaitingMessage[]; readonly upTo: number }>;
  };
}

/** A device as its user's client makes it. */
export interface NewDehydratedDevice extends PublishedKeys {
  readonly deviceId: DeviceId;
  readonly deviceData: JsonObject;
  readonly displayName?: string | undefined;
}

/** Messages for a dehydrated device, JSON each. */
export interface ReceivedMessages {
  readonly messages: readonly string[];
  /** Where the next page begins. */
  readonly nextBatch: string;
  readonly isLast: boolean;
}

/** The most that `device_data` may hold, in characters of JSON: an encrypted device with hundreds of one-time keys. */
const maxDeviceDataLength = 65_536;
/** Messages of one page; each has at most 64 KiB. */
const messagesPerPage = 100;
const batchGrammar = /^\d{1,15}$/;

/**
 * Devices that users leave with the server: they have no client, but keys, and receive while nobody is logged in. A new device of the
 * user wakes them, reads what they received and makes another. Each is a device of its user as any other, without a token.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/3814
 */
export class DehydratedDevices {
  readonly #needs: DehydratedDevicesNeeds;

  constructor(needs: DehydratedDevicesNeeds) {
    this.#needs = needs;
    needs.devices.onDeleted((tx, { user, deviceIds }) => forgetDehydratedDevice(tx, user.userNid, deviceIds));
  }

  /**
   * Stores a device with its keys, all or nothing; the one before it goes with its keys and what it received. The same device again, as
   * after an answer that was lost, keeps what it received. Throws M_INVALID_PARAM for a device that is in use, M_TOO_LARGE, and what
   * publishing keys throws.
   */
  async put(user: AccountIdentity, device: NewDehydratedDevice): Promise<void> {
    const { database, devices, keys } = this.#needs;
    const { userNid } = user;
    const { deviceId, displayName } = device;
    const deviceData = JSON.stringify(device.deviceData);
    if (deviceData.length > maxDeviceDataLength) throw tooLarge(`device_data of more than ${maxDeviceDataLength} characters`);
    if (!deviceId.isWellFormed()) throw invalidParam('The device ID has a character that it cannot have');
    const publishIn = await keys.prepare(user, deviceId, device);
    await database.transaction(async (tx) => {
      const before = await readDehydratedDevice(tx, userNid);
      if (before?.deviceId !== deviceId) {
        // Its keys and its messages would be mixed up with those of the client that uses it.
        if ((await devices.idsOf([userNid])).get(userNid)?.includes(deviceId))
          throw invalidParam('There is a device with this ID already');
        if (before) await devices.deleteIn(tx, user, [before.deviceId]);
      }
      devices.putIn(tx, { userNid, deviceId, ...(displayName !== undefined && { displayName }) });
      putDehydratedDevice(tx, userNid, { deviceId, deviceData });
      await publishIn?.(tx);
    });
  }

  /** Throws M_NOT_FOUND. */
  async find({ userNid }: AccountIdentity): Promise<DehydratedDevice> {
    const device = await readDehydratedDevice(this.#needs.database, userNid);
    if (!device) throw notFound('You have no dehydrated device');
    return device;
  }

  /** Deletes the user's device with its keys and what it received, and gives its id. Throws M_NOT_FOUND. */
  async delete(user: AccountIdentity): Promise<DeviceId> {
    const { database, devices } = this.#needs;
    return database.transaction(async (tx) => {
      const device = await readDehydratedDevice(tx, user.userNid);
      if (!device) throw notFound('You have no dehydrated device');
      await devices.deleteIn(tx, user, [device.deviceId]);
      return device.deviceId;
    });
  }

  /**
   * What the device has received, page after page, oldest first. Nothing of it is deleted: a client that breaks off leaves it to another.
   * Throws M_FORBIDDEN where it is not the user's dehydrated device, M_INVALID_PARAM for a batch that is none.
   */
  async received({ userNid }: AccountIdentity, deviceId: DeviceId, batch: string | undefined): Promise<ReceivedMessages> {
    const { database, toDevice } = this.#needs;
    if (batch !== undefined && !batchGrammar.test(batch)) throw invalidParam('This is no next_batch of this device');
    const device = await readDehydratedDevice(database, userNid);
    if (device?.deviceId !== deviceId) throw forbidden('This is not your dehydrated device');
    // One more than is given tells whether it is the last page.
    const { messages } = await toDevice.messagesOf({ userNid, deviceId }, Number(batch ?? 0), messagesPerPage + 1);
    const page = messages.slice(0, messagesPerPage);
    return {
      messages: page.map(({ message }) => message),
      nextBatch: String(page.at(-1)?.position ?? Number(batch ?? 0)),
      isLast: page.length === messages.length,
    };
  }
}
