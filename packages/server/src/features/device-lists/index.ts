import type { DeviceId, ServerName, UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner, Tx } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Random } from '../../platform/random.ts';
import type { Notifier, SyncToken } from '../../platform/streams/index.ts';
import { Turns } from '../../platform/turns.ts';
import type { RemoteServers } from '../../remote-servers/index.ts';
import type { Rooms, Viewer } from '../../rooms/index.ts';
import type { Accounts } from '../account/index.ts';
import type { DeviceKeys, RemoteDeviceLists } from '../device-keys/index.ts';
import type { Devices } from '../devices/index.ts';
import type { Feature } from '../feature.ts';
import { userDevicesRoutes } from './device-lists.federation.ts';
import { deviceListRoutes } from './device-lists.routes.ts';
import { deviceListsSyncSource } from './device-lists.sync.ts';
import { listChanges, type ListChanges } from './list-changes.ts';
import { ListNews } from './list-news.ts';
import { Moves } from './moves.ts';
import { deviceListOutbox } from './outgoing/outbox.ts';
import { SpreadNews, type OtherServers } from './outgoing/spread-news.ts';
import { FetchLists } from './remote/fetch-lists.ts';
import { followServers } from './remote/follow-servers.ts';
import { ForgetStrangers } from './remote/forget-strangers.ts';
import { keysOfRemoteUsers } from './remote/keys-of-remote.ts';
import { receiveListUpdates } from './remote/receive-updates.ts';

export type { ListChanges } from './list-changes.ts';
export type { OtherServers } from './outgoing/spread-news.ts';

export interface DeviceListsNeeds {
  readonly config: Pick<Config, 'allow_device_name_lookup_over_federation'>;
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly rooms: Rooms;
  readonly remoteServers: Pick<RemoteServers, 'request'> & {
    readonly keys: Pick<RemoteServers['keys'], 'onOtherKey'>;
    readonly health: Pick<RemoteServers['health'], 'onSignOfLife'>;
  };
  readonly accounts: Pick<Accounts, 'exists'>;
  readonly devices: Pick<Devices, 'onDeleted' | 'onRenamed'>;
  /** The keys of our own users; asked for only when the server runs. */
  readonly ownKeys: () => Pick<DeviceKeys, 'devicesOf' | 'crossSigningOf'>;
  readonly servers: OtherServers;
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
  /** What a client is told that has read up to `since`: the same as in `device_lists` of `/sync`. */
  changesFor(viewer: Viewer, since: SyncToken, upTo: SyncToken): Promise<ListChanges>;
}

/** What device lists are to the server and to other features. */
export interface DeviceListsFeature extends Feature {
  readonly lists: DeviceLists;
  /** The lists of users elsewhere. */
  readonly remoteLists: RemoteDeviceLists;
}

const fetchEveryMs = 60_000;

/**
 * Whose devices have changed: for clients that keep lists of them, and between servers.
 * https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
 */
export async function deviceListsFeature(needs: DeviceListsNeeds): Promise<DeviceListsFeature> {
  const tellsNames = needs.config.allow_device_name_lookup_over_federation;
  const news = await ListNews.open({ ...needs, tellsNames });
  const tools = { ...needs, tellsNames, news, moves: new Moves(needs) };
  const spread = new SpreadNews(tools);
  const remote = {
    ...tools,
    remote: needs.remoteServers,
    ourServerNid: await needs.names.idOf(needs.serverName),
    turns: new Turns<UserId>(),
  };
  const fetch = new FetchLists(remote);
  const strangers = new ForgetStrangers(remote);
  const stopFollowing = followServers({ ...remote, ...needs.remoteServers, fetch });
  needs.devices.onDeleted((tx, { user, deviceIds }) => {
    for (const deviceId of deviceIds) news.note(tx, { userNid: user.userNid, deviceId, kind: 'deleted' });
  });
  needs.devices.onRenamed((tx, { userNid }, deviceId) => news.note(tx, { userNid, deviceId, kind: 'renamed' }));
  // What the last life has left undone.
  news.place();
  spread.spread();
  strangers.check({ fetchAgain: true });
  void strangers.settled().then(() => fetch.start());
  return {
    name: 'device-lists',
    routes: [...deviceListRoutes(tools), ...userDevicesRoutes(tools)],
    sync: [deviceListsSyncSource(tools)],
    edus: receiveListUpdates({ ...remote, fetch }),
    durableEdus: deviceListOutbox(tools),
    jobs: [{ name: 'fetch lists of devices again', everyMs: fetchEveryMs, run: () => fetch.fetchDue() }],
    async stop() {
      stopFollowing();
      await news.stop();
      await spread.stop();
      await strangers.settled();
      await fetch.stop();
    },
    lists: {
      changed(tx, { user: { userNid }, deviceIds, crossSigning, onlyFor }) {
        const whose = { userNid, ...(onlyFor && { viewerNid: onlyFor.userNid }) };
        for (const deviceId of deviceIds) news.note(tx, { ...whose, deviceId, kind: 'device' });
        if (crossSigning) news.note(tx, { ...whose, deviceId: '', kind: 'cross-signing' });
      },
      changesFor: (viewer, since, upTo) => listChanges(tools, viewer, since, upTo),
    },
    remoteLists: keysOfRemoteUsers({ ...remote, fetch }),
  };
}
