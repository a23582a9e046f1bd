import { readCreate } from '@myelin/protocol/events';

import type { Tx } from '../../platform/database/index.ts';
import type { PersistHook, Rooms } from '../../rooms/index.ts';
import type { UpgradeFollower } from './neighbours.ts';

/**
 * When local users join a room that replaces another, what they keep about the old one comes with them.
 * https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export function followUpgrades(rooms: Rooms, followers: readonly UpgradeFollower[]): PersistHook {
  return {
    name: 'follow upgrades',
    prepare(batch) {
      const joined = batch.membershipChanges.filter(
        ({ local, membership, previous }) => local && membership === 'join' && previous !== 'join',
      );
      if (joined.length === 0 || followers.length === 0) return;
      return (async (): Promise<((tx: Tx) => void) | void> => {
        const create =
          batch.events.find(({ type, stateKey }) => type === 'm.room.create' && stateKey === '') ??
          (await rooms.states.current(batch.room.nid, 'm.room.create', ''));
        const predecessor = create && readCreate(create.content).predecessor;
        if (!predecessor) return;
        const userNids = joined.map(({ userNid }) => userNid);
        const writers = await Promise.all(
          followers.map((follower) => follower.prepare(userNids, predecessor.roomId, batch.room.id)),
        );
        return (tx) => {
          for (const write of writers) write?.(tx);
        };
      })();
    },
  };
}
