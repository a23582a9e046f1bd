import type { DeviceId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner, Tx } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Notifier } from '../../platform/streams/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import type { Devices } from '../devices/index.ts';
import type { Feature } from '../feature.ts';
import { deviceListRoutes } from './device-lists.routes.ts';
import { deviceListsSyncSource } from './device-lists.sync.ts';
import { ListNews } from './list-news.ts';
import { Moves } from './moves.ts';

export interface DeviceListsNeeds {
  readonly config: Pick<Config, 'allow_device_name_lookup_over_federation'>;
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rooms: Rooms;
  readonly devices: Pick<Devices, 'onDeleted' | 'onRenamed'>;
}

/** What others see of a user's list has changed: devices with their keys, or the keys by which the user signs. */
export interface ListChange {
  readonly user: { readonly userNid: number };
  readonly deviceIds: readonly DeviceId[];
  readonly crossSigning: boolean;
  /** Nobody but this user sees the difference. */
  readonly onlyFor?: { readonly userNid: number };
}

/** The lists of our own users, as far as their changes are told to others. */
export interface DeviceLists {
  /** To be called in the transaction that changes a list. */
  changed(tx: Tx, change: ListChange): void;
}

/** Whose devices have changed: for clients that keep lists of them, and for other servers. */
export async function deviceListsFeature(needs: DeviceListsNeeds): Promise<Feature & { readonly lists: DeviceLists }> {
  const news = await ListNews.open({ ...needs, tellsNames: needs.config.allow_device_name_lookup_over_federation });
  const tools = { ...needs, news, moves: new Moves(needs) };
  needs.devices.onDeleted((tx, { user, deviceIds }) => {
    for (const deviceId of deviceIds) news.note(tx, { userNid: user.userNid, deviceId, kind: 'deleted' });
  });
  needs.devices.onRenamed((tx, { userNid }, deviceId) => news.note(tx, { userNid, deviceId, kind: 'renamed' }));
  // What had no position when the server ended.
  news.place();
  return {
    name: 'device-lists',
    routes: deviceListRoutes(tools),
    sync: [deviceListsSyncSource(tools)],
    stop: () => news.stop(),
    lists: {
      changed(tx, { user: { userNid }, deviceIds, crossSigning, onlyFor }) {
        const whose = { userNid, ...(onlyFor && { viewerNid: onlyFor.userNid }) };
        for (const deviceId of deviceIds) news.note(tx, { ...whose, deviceId, kind: 'device' });
        if (crossSigning) news.note(tx, { ...whose, deviceId: '', kind: 'cross-signing' });
      },
    },
  };
}
