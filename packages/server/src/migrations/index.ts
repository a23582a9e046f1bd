import type { Migration } from '../platform/database/index.ts';
import foundation from './0001-foundation.ts';
import stateTree from './0010-state-tree.ts';
import rooms from './0011-rooms.ts';
import accounts from './0020-accounts.ts';
import userInteractiveAuth from './0021-user-interactive-auth.ts';
import registrationTokens from './0022-registration-tokens.ts';
import loginTokens from './0023-login-tokens.ts';
import accountData from './0030-account-data.ts';
import receipts from './0031-receipts.ts';
import profiles from './0032-profiles.ts';
import presence from './0033-presence.ts';
import typing from './0034-typing.ts';
import pushRules from './0040-push-rules.ts';
import unreadCounts from './0041-unread-counts.ts';
import redactedContents from './0050-redacted-contents.ts';
import upgradeFollowings from './0051-upgrade-followings.ts';
import filters from './0060-filters.ts';
import relations from './0070-relations.ts';
import eventsByTime from './0071-events-by-time.ts';
import roomDirectory from './0080-room-directory.ts';
import remoteServers from './0100-remote-servers.ts';
import forks from './0110-forks.ts';
import federation from './0120-federation.ts';
import openIdTokens from './0130-openid-tokens.ts';
import deviceKeys from './0150-device-keys.ts';
import deviceLists from './0155-device-lists.ts';
import deviceListOutbox from './0156-device-list-outbox.ts';
import remoteDeviceLists from './0157-remote-device-lists.ts';
import toDevice from './0160-to-device.ts';
import keyBackup from './0165-key-backup.ts';
import dehydratedDevices from './0166-dehydrated-devices.ts';
import partialRooms from './0170-partial-rooms.ts';
import redactionsByRoom from './0175-redactions-by-room.ts';
import unprovenPdus from './0176-unproven-pdus.ts';
import crossSigningReplacements from './0180-cross-signing-replacements.ts';

/** Every step of the schema, in order. A new one goes last, in a file `NNNN-name.ts`; one that was released is never changed. */
export const migrations: readonly Migration[] = [
  foundation,
  stateTree,
  rooms,
  accounts,
  userInteractiveAuth,
  registrationTokens,
  loginTokens,
  accountData,
  receipts,
  profiles,
  presence,
  typing,
  pushRules,
  unreadCounts,
  redactedContents,
  upgradeFollowings,
  filters,
  relations,
  eventsByTime,
  roomDirectory,
  remoteServers,
  forks,
  federation,
  openIdTokens,
  deviceKeys,
  deviceLists,
  deviceListOutbox,
  remoteDeviceLists,
  toDevice,
  keyBackup,
  dehydratedDevices,
  partialRooms,
  redactionsByRoom,
  unprovenPdus,
  crossSigningReplacements,
];
