import { invalidParam } from '@myelin/protocol/errors';

/** A place in the directory's order, which is: most members first, the newer room first among those of one size. */
export interface DirectoryPlace {
  readonly joinedMembers: number;
  readonly roomNid: number;
}

/** Where a page begins: the rooms after a place, or those before it. */
export interface PageToken extends DirectoryPlace {
  readonly direction: 'after' | 'before';
}

/** A `next_batch` or `prev_batch`. It names a place rather than a number of rooms, so that rooms that come and go shift nothing. */
export function encodePageToken({ direction, joinedMembers, roomNid }: PageToken): string {
  return `${direction === 'after' ? 'n' : 'p'}${joinedMembers}_${roomNid}`;
}

/** Reads a `since`. Throws M_INVALID_PARAM where it is none of ours. */
export function decodePageToken(text: string): PageToken {
  const [, direction, joinedMembers, roomNid] = /^([np])(\d{1,15})_(\d{1,15})$/.exec(text) ?? [];
  if (direction === undefined) throw invalidParam('since is not a token of this server');
  return {
    direction: direction === 'n' ? 'after' : 'before',
    joinedMembers: Number(joinedMembers),
    roomNid: Number(roomNid),
  };
}
