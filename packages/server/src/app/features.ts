import { accountDataFeature } from '../features/account-data/index.ts';
import { dehydratedDevicesFeature } from '../features/dehydrated-devices/index.ts';
import { deviceKeysFeature } from '../features/device-keys/index.ts';
import { deviceListsFeature } from '../features/device-lists/index.ts';
import type { Feature } from '../features/feature.ts';
import { filtersFeature } from '../features/filters/index.ts';
import { keyBackupFeature } from '../features/key-backup/index.ts';
import { openIdFeature } from '../features/openid/index.ts';
import { policyServersFeature } from '../features/policy-servers/index.ts';
import { presenceFeature } from '../features/presence/index.ts';
import { profilesFeature } from '../features/profiles/index.ts';
import { pushFeature } from '../features/push/index.ts';
import { receiptsFeature } from '../features/receipts/index.ts';
import { relationsFeature } from '../features/relations/index.ts';
import { carryAccountData, carryPushRules, roomCreationFeature } from '../features/room-creation/index.ts';
import { roomDirectoryFeature } from '../features/room-directory/index.ts';
import { roomHistoryFeature } from '../features/room-history/index.ts';
import { roomMembershipFeature } from '../features/room-membership/index.ts';
import { roomMessagesFeature } from '../features/room-messages/index.ts';
import { serverInfoFeature } from '../features/server-info/index.ts';
import { spacesFeature } from '../features/spaces/index.ts';
import { syncFeature } from '../features/sync/index.ts';
import { toDeviceFeature } from '../features/to-device/index.ts';
import { typingFeature } from '../features/typing/index.ts';
import { createRemoteQueries } from '../federation/queries/index.ts';
import type { Authenticators, Route } from '../platform/http/index.ts';
import { buildAccountFeatures } from './account-features.ts';
import type { AppNeeds } from './needs.ts';
import { openNetwork } from './network.ts';
import { connectPeopleToRooms } from './people-in-rooms.ts';
import { connectSignsOfLife } from './signs-of-life.ts';

/** What the features make together. */
export interface Features {
  readonly features: readonly Feature[];
  readonly routes: readonly Route[];
  readonly authenticators: Authenticators;
}

/** All features, in the order in which they are built: the table of contents of the server. */
export async function buildFeatures(needs: AppNeeds): Promise<Features> {
  const queries = createRemoteQueries({ ...needs, servers: needs.remoteServers });
  needs.rooms.hooks.persist.push(queries.profiles.hook);
  const network = await openNetwork(needs);
  const outgoingEdus = network.outbound;
  const people = buildAccountFeatures(needs);
  const deviceLists = await deviceListsFeature({
    ...needs,
    ...people,
    ownKeys: () => deviceKeys.keys,
    servers: {
      ofRoom: (roomNid) => network.outbound.roomServers.of(roomNid),
      federatesWith: (server) => needs.remoteServers.federatesWith(server),
      wake: (server) => network.outbound.wakeForDurable(server),
    },
  });
  const deviceKeys = await deviceKeysFeature({ ...needs, ...people, remoteLists: deviceLists.remoteLists });
  people.accountHooks.onDeactivated.push((account) => deviceKeys.keys.forget(account));
  deviceKeys.keys.onChanged((tx, change) => deviceLists.lists.changed(tx, change));
  const filters = filtersFeature(needs);
  const accountData = await accountDataFeature(needs);
  people.accountHooks.onDeactivated.push(({ userNid }) => accountData.accountData.forget(userNid));
  const receipts = await receiptsFeature({ ...needs, outgoingEdus, accountData: accountData.accountData });
  const push = await pushFeature({ ...needs, accountData: accountData.accountData, receipts: receipts.receipts });
  const typing = await typingFeature({ ...needs, outgoingEdus });
  const profiles = profilesFeature({ ...needs, accounts: people.accounts, remoteProfiles: queries.profiles });
  people.registrationHooks.onRegistered.push((account, { displayName }) => profiles.profiles.create(account, displayName));
  people.accountHooks.onDeactivated.push(({ userNid }) => profiles.profiles.forget(userNid));
  const keyBackup = keyBackupFeature(needs);
  people.accountHooks.onDeactivated.push(({ userNid }) => keyBackup.backups.forget(userNid));
  const presence = await presenceFeature({ ...needs, outgoingEdus, profiles: profiles.profiles });
  connectSignsOfLife(presence.presence, { profiles: profiles.profiles, receipts: receipts.receipts, typing: typing.typing });
  const { feature: roomDirectory, directory } = await roomDirectoryFeature({ ...needs, remoteDirectory: queries.directory });
  const { feature: roomMembership, membership } = roomMembershipFeature({
    ...needs,
    aliases: directory,
    profiles: profiles.profiles,
    invitePermissions: accountData.accountData,
    remote: network.membership,
    forServers: {
      signingKey: needs.signingKey,
      accounts: people.accounts,
      relay: (event, origin) => network.outbound.relay(event, origin),
    },
  });
  const { feature: roomCreation, creation } = roomCreationFeature({
    ...needs,
    membership,
    directory,
    upgradeFollowers: [carryAccountData(accountData.accountData), carryPushRules(push.rules)],
  });
  connectPeopleToRooms(needs, people, { membership, creation, directory });
  const relations = await relationsFeature(needs);
  const toDevice = await toDeviceFeature({
    ...needs,
    devices: people.devices,
    federatesWith: (server) => needs.remoteServers.federatesWith(server),
    wakeServer: (server) => network.outbound.wakeForDurable(server),
  });
  const features: Feature[] = [
    ...people.features,
    accountData,
    dehydratedDevicesFeature({ ...needs, devices: people.devices, keys: deviceKeys.keys, toDevice: toDevice.toDevice }),
    deviceKeys,
    deviceLists,
    network.feature,
    filters,
    keyBackup,
    openIdFeature({ ...needs, accounts: people.accounts }),
    policyServersFeature(needs),
    presence,
    profiles,
    push,
    receipts,
    relations,
    roomCreation,
    roomDirectory,
    roomHistoryFeature({
      ...needs,
      relatedBy: relations.relations.relatedBy,
      remoteHistory: queries.history,
      sources: () => features.flatMap((feature) => feature.sync ?? []),
    }),
    roomMembership,
    roomMessagesFeature({ ...needs, membership, aliases: directory, related: relations.relations }),
    serverInfoFeature(needs),
    spacesFeature({ ...needs, remoteSpaces: queries.spaces }),
    toDevice,
    typing,
  ];
  // It follows what all the others have for it.
  features.push(
    syncFeature({
      ...needs,
      filters: filters.filters,
      sources: features.flatMap((feature) => feature.sync ?? []),
      companions: features.flatMap((feature) => feature.syncCompanions ?? []),
      presence: presence.presence,
      relationsOf: relations.relations.relatedBy,
    }),
  );
  await network.start(features);
  return {
    features,
    routes: features.flatMap(({ routes = [] }) => routes.map(network.limited)),
    authenticators: people.authenticators,
  };
}
