import { referencesOf, type RoomIdentity, type Rooms, type StoredEvent } from '../../rooms/index.ts';

/** What other servers know of a room's past; federation provides it. */
export interface RemoteHistory {
  /**
   * The event nearest to a moment in one direction, as other servers of the room tell; it is part of the room here when this resolves.
   * Undefined where nobody knows any, or it cannot be had. `ts` in milliseconds since 1970.
   * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid
   */
  eventNear(room: RoomIdentity, wanted: { readonly ts: number; readonly direction: 'b' | 'f' }): Promise<StoredEvent | undefined>;
}

/** For a server that stands alone. */
export const noRemoteHistory: RemoteHistory = { eventNear: () => Promise.resolve(undefined) };

/** Whether events that this server does not have lie right before an event. */
export async function followsGap({ events }: Pick<Rooms, 'events'>, room: RoomIdentity, event: StoredEvent): Promise<boolean> {
  const { prev } = referencesOf(event.envelope, room.rules);
  const ids = prev.filter((reference) => typeof reference === 'string');
  const known = [...prev.filter((reference) => typeof reference === 'number'), ...(await events.nidsOf(ids)).values()];
  if (known.length < prev.length) return true;
  // One that is known only as part of some state has no place in the room's past here.
  return (await events.listByNids(known)).some(({ position }) => position === undefined);
}
