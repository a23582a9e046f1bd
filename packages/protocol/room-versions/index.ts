export type { RoomVersionRules } from './room-version-rules.ts';
export { knownRoomVersions, recommendedRoomVersion, roomVersionRules } from './room-versions.ts';
