import type { Rooms, SyncPart, SyncScope, SyncSource } from '../../rooms/index.ts';
import type { Typing } from './typing.ts';

/** What typing adds to `/sync`: for each room with news its whole list, which takes the place of what the client knew. */
export function typingSyncSource(needs: { readonly rooms: Pick<Rooms, 'hooks'> }, typing: Typing): SyncSource {
  const partOf = async ({ viewer }: SyncScope, roomNids: readonly number[]): Promise<SyncPart> => {
    if (roomNids.length === 0) return {};
    const ignored = await needs.rooms.hooks.ignoredUsers(viewer.userNid);
    return { ephemeral: new Map(roomNids.map((roomNid) => [roomNid, [typing.eventFor(roomNid, ignored)]])) };
  };
  return {
    name: 'typing',
    stream: 'typing',
    now: () => typing.now,
    everything: async (scope) => partOf(scope, typing.typedInAmong(scope.joinedRooms)),
    changes: async (scope, since) => {
      const changed = typing.changedAmong(scope.joinedRooms, since);
      if (scope.newRooms.size === 0) return partOf(scope, changed);
      return partOf(scope, [...new Set([...changed, ...typing.typedInAmong(scope.newRooms)])]);
    },
  };
}
