import { readGuestsMayJoin, textField } from '@myelin/protocol/events';
import { domainOf, type UserId } from '@myelin/protocol/identifiers';

import { sql } from '../../platform/database/index.ts';
import { membershipIn, membersOfRoom, type PersistHook } from '../../rooms/index.ts';
import type { MembershipTools } from './membership-tools.ts';

/** Whoever leaves a room forgets it at once; the option `forget_rooms_on_leave`. */
export function forgetOnLeave({ rooms }: Pick<MembershipTools, 'rooms'>): PersistHook {
  return {
    name: 'forget rooms on leave',
    prepare({ membershipChanges }) {
      const left = membershipChanges.filter(
        ({ local, membership, previous }) => local && previous === 'join' && (membership === 'leave' || membership === 'ban'),
      );
      if (left.length === 0) return;
      return (tx) => {
        for (const { userNid, roomNid } of left) {
          tx.run(sql`UPDATE memberships SET forgotten = 1 WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`);
          tx.onCommit(() => rooms.memberships.invalidateUser(userNid));
        }
      };
    },
  };
}

/**
 * When a room lets no guests in any more, the guests of this server leave it.
 * https://spec.matrix.org/v1.19/client-server-api/#guest-access
 */
export function sendGuestsAway(tools: MembershipTools): PersistHook {
  const { rooms, database, serverName, logger } = tools;
  const sendAway = async (roomNid: number): Promise<void> => {
    const room = await rooms.ids.byNid(roomNid);
    const members = await membersOfRoom(database, roomNid, ['join', 'invite']);
    for (const event of await rooms.events.listByNids(members.map(({ eventNid }) => eventNid))) {
      const guest = (event.stateKey ?? '') as UserId;
      const isGuest = textField(event.content, 'kind') === 'guest' && domainOf(guest) === serverName;
      if (!isGuest || membershipIn(event.content) === 'leave') continue;
      // They leave by themselves, so that the power of whoever changed the rule plays no part.
      await rooms.send(room, [{ type: 'm.room.member', sender: guest, stateKey: guest, content: { membership: 'leave' } }]);
    }
  };
  return {
    name: 'send guests away',
    after({ room, stateChanges }) {
      const change = stateChanges.find(({ type, stateKey }) => type === 'm.room.guest_access' && stateKey === '');
      if (!change || change.beforeNid === undefined || readGuestsMayJoin(change.after?.content)) return;
      sendAway(room.nid).catch((error: unknown) => {
        logger.error({ err: error, roomId: room.id }, 'guests could not be sent away');
      });
    },
  };
}
