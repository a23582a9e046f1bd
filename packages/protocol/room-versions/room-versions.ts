import type { RoomVersionRules } from './room-version-rules.ts';

const v1 = {
  id: '1',
  stability: 'stable',
  stateResolution: 'v1',
  eventIds: 'assigned',
  referencesCarryHashes: true,
  redactionsAuthorisedByAuthRules: true,
  enforceKeyValidity: false,
  strictCanonicalJson: false,
  aliasesEventsAreSpecial: true,
  notificationLevelsAreGuarded: false,
  knocking: false,
  restrictedJoins: false,
  redactionKeepsAllow: false,
  redactionKeepsJoinAuthorisedVia: false,
  knockRestrictedJoins: false,
  integerPowerLevels: false,
  creatorIsCreateSender: false,
  redactsInContent: false,
  updatedRedaction: false,
  roomIdIsCreateEventHash: false,
  privilegedCreators: false,
} as const satisfies RoomVersionRules;

const v2 = { ...v1, id: '2', stateResolution: 'v2' } as const satisfies RoomVersionRules;
const v3 = {
  ...v2,
  id: '3',
  eventIds: 'base64',
  referencesCarryHashes: false,
  redactionsAuthorisedByAuthRules: false,
} as const satisfies RoomVersionRules;
const v4 = { ...v3, id: '4', eventIds: 'urlsafe-base64' } as const satisfies RoomVersionRules;
const v5 = { ...v4, id: '5', enforceKeyValidity: true } as const satisfies RoomVersionRules;
const v6 = {
  ...v5,
  id: '6',
  strictCanonicalJson: true,
  aliasesEventsAreSpecial: false,
  notificationLevelsAreGuarded: true,
} as const satisfies RoomVersionRules;
const v7 = { ...v6, id: '7', knocking: true } as const satisfies RoomVersionRules;
const v8 = { ...v7, id: '8', restrictedJoins: true, redactionKeepsAllow: true } as const satisfies RoomVersionRules;
const v9 = { ...v8, id: '9', redactionKeepsJoinAuthorisedVia: true } as const satisfies RoomVersionRules;
const v10 = { ...v9, id: '10', knockRestrictedJoins: true, integerPowerLevels: true } as const satisfies RoomVersionRules;
const v11 = {
  ...v10,
  id: '11',
  creatorIsCreateSender: true,
  redactsInContent: true,
  updatedRedaction: true,
} as const satisfies RoomVersionRules;
const v12 = {
  ...v11,
  id: '12',
  stateResolution: 'v2.1',
  roomIdIsCreateEventHash: true,
  privilegedCreators: true,
} as const satisfies RoomVersionRules;

const table: ReadonlyMap<string, RoomVersionRules> = new Map(
  [v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12].map((rules) => [rules.id, rules]),
);

/** The version that new rooms get unless told otherwise; https://spec.matrix.org/v1.19/rooms/#complete-list-of-room-versions */
export const recommendedRoomVersion = '12';

/** The rules of a room version, or undefined where this server does not know it. */
export function roomVersionRules(version: string): RoomVersionRules | undefined {
  return table.get(version);
}

/** Every room version this server knows, oldest first. */
export function knownRoomVersions(): RoomVersionRules[] {
  return [...table.values()];
}
