import { unknown } from '@myelin/protocol/errors';

import type { Interner } from '../../platform/database/index.ts';
import type { Rooms, SendHook } from '../../rooms/index.ts';
import { relationOf } from './relation-of.ts';

/**
 * Refuses what would begin a thread at an event that belongs to another one itself.
 * https://spec.matrix.org/v1.19/client-server-api/#validation-of-mthread-relationships
 */
export function threadRootCheck({ names, rooms }: { readonly names: Interner; readonly rooms: Pick<Rooms, 'events'> }): SendHook {
  return {
    name: 'relations',
    beforeSend: async ({ content }, room) => {
      const relation = relationOf(content);
      if (!relation) return;
      // A new name is stored here, so that the room's turn need not wait for it.
      await names.idOf(relation.relType);
      if (relation.relType !== 'm.thread') return;
      const root = await rooms.events.byId(relation.parentId);
      if (root?.roomNid === room.nid && relationOf(root.content)) {
        throw unknown('A thread cannot begin at an event that is related to another one', 400);
      }
    },
  };
}
