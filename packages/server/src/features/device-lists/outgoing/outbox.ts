import type { Json, JsonObject } from '@myelin/protocol/events';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { DurableEdus, Edu } from '../../../federation/edu.ts';
import type { Database, Interner } from '../../../platform/database/index.ts';
import type { DeviceKeys, PublishedDevice } from '../../device-keys/index.ts';
import { firstPrevs, takeDelivered, waitingDestinations, waitingFor, type WaitingChange } from './outbox.store.ts';

export interface OutboxNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly ownKeys: () => Pick<DeviceKeys, 'devicesOf' | 'crossSigningOf'>;
  /** `allow_device_name_lookup_over_federation` */
  readonly tellsNames: boolean;
}

/**
 * What other servers are to hear of our users' devices, until they have it. Each is told how a device is now, however often it has
 * changed, and which update of that user it was told before.
 * https://spec.matrix.org/v1.19/server-server-api/#device-management
 */
export function deviceListOutbox(needs: OutboxNeeds): DurableEdus {
  const { database, names } = needs;
  return {
    async waitingServers() {
      return [...(await names.textsOf(await waitingDestinations(database))).values()] as ServerName[];
    },
    async next(server, limit) {
      const serverNid = await names.knownIdOf(server);
      if (serverNid === undefined || limit <= 0) return { edus: [], delivered: () => Promise.resolve() };
      const waiting = await waitingFor(database, serverNid, limit);
      return {
        edus: waiting.length === 0 ? [] : await edusOf(needs, serverNid, waiting),
        delivered: () => database.write((tx) => takeDelivered(tx, serverNid, waiting)),
      };
    },
  };
}

async function edusOf(needs: OutboxNeeds, serverNid: number, waiting: readonly WaitingChange[]): Promise<Edu[]> {
  const userNids = [...new Set(waiting.map(({ userNid }) => userNid))];
  const [users, devices, crossSigning, known] = await Promise.all([
    needs.names.textsOf(userNids),
    needs.ownKeys().devicesOf(userNids),
    needs.ownKeys().crossSigningOf(userNids),
    firstPrevs(needs.database, serverNid, userNids),
  ]);
  return waiting.map((change): Edu => {
    const userId = users.get(change.userNid) ?? '';
    if (change.deviceId === '') {
      const { master, selfSigning } = crossSigning.get(change.userNid) ?? {};
      return {
        type: 'm.signing_key_update',
        content: {
          user_id: userId,
          ...(master !== undefined && { master_key: JSON.parse(master) as Json }),
          ...(selfSigning !== undefined && { self_signing_key: JSON.parse(selfSigning) as Json }),
        },
      };
    }
    const prev = known.get(change.userNid) ?? 0;
    known.set(change.userNid, change.streamId);
    const device = devices.get(change.userNid)?.find(({ deviceId }) => deviceId === change.deviceId);
    return { type: 'm.device_list_update', content: { user_id: userId, ...updateOf(needs, change, prev, device) } };
  });
}

function updateOf(
  { tellsNames }: OutboxNeeds,
  { deviceId, deleted, streamId }: WaitingChange,
  prev: number,
  device: PublishedDevice | undefined,
): JsonObject {
  return {
    device_id: deviceId,
    stream_id: streamId,
    prev_id: prev === 0 ? [] : [prev],
    ...(device && { keys: JSON.parse(device.keys) as Json }),
    ...(tellsNames && device?.displayName !== undefined && { device_display_name: device.displayName }),
    ...(deleted && !device && { deleted: true }),
  };
}
