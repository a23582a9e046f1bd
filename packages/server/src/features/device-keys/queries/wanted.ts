import type { DeviceId, UserId } from '@myelin/protocol/identifiers';

/** Users, each with the devices that are wanted; an empty list means all. */
export type WantedDevices = ReadonlyMap<UserId, readonly DeviceId[]>;

/** Whose keys are in memory at once while an answer is made: some 1 MB, by what people have. A query of no more is answered in one piece. */
export const usersPerPage = 250;
