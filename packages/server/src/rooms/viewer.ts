import type { DeviceId, UserId } from '@myelin/protocol/identifiers';

import type { UserRequester } from '../platform/http/index.ts';

/** On whose behalf rooms are read. */
export interface Viewer {
  readonly userNid: number;
  readonly userId: UserId;
  /** Absent for tokens that belong to no device. */
  readonly deviceId?: DeviceId;
  readonly isGuest: boolean;
}

/** The viewer behind a request. Every user of ours has an interned id by the time a token of theirs is accepted. */
export function viewerOf(requester: UserRequester): Viewer {
  const { userId, userNid, deviceId, isGuest } = requester;
  if (userNid === undefined) throw new Error(`the authenticator gave no number for ${userId}`);
  return { userNid, userId, isGuest, ...(deviceId !== undefined && { deviceId }) };
}
