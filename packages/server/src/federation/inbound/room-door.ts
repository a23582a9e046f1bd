import type { ServerName } from '@myelin/protocol/identifiers';

import type { DoorVerdict, Receiving, RoomIdentity, Rooms } from '../../rooms/index.ts';
import { mayTakePart } from '../server-acls.ts';

/** What a room says of events that a server has sent, before anything is known of their place in it. */
export type RoomDoor = (room: RoomIdentity, origin: ServerName, pdus: readonly unknown[]) => Promise<readonly DoorVerdict[]>;

export interface RoomDoorNeeds {
  readonly rooms: Pick<Rooms, 'states' | 'memberships'>;
  readonly receiving: Pick<Receiving, 'atTheDoor'>;
  /** Of a room that none of our users is in: an invitation that is withdrawn, or the like. True where it is dealt with. */
  readonly aboutAbsentUsers?: ((room: RoomIdentity, pdu: unknown, origin: ServerName) => Promise<boolean>) | undefined;
}

/** The checks that need no history, for events from a server that the room lets take part. No verdicts where nobody here is in the room. */
export function roomDoor({ rooms, receiving, aboutAbsentUsers }: RoomDoorNeeds): RoomDoor {
  return async (room, origin, pdus) => {
    if ((await rooms.memberships.localMembers(room.nid)).size === 0) {
      for (const pdu of pdus) await aboutAbsentUsers?.(room, pdu, origin);
      return [];
    }
    const verdicts = await receiving.atTheDoor(room, pdus);
    if (await mayTakePart(rooms, room.nid, origin)) return verdicts;
    return verdicts.map(({ eventId }) => ({ ok: false, eventId, reason: `${origin} is not allowed to take part in this room` }));
  };
}
