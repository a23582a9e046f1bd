import type { ServerName } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import { joinedServers } from '../membership/membership-store.ts';
import type { PartialRooms } from '../partial/index.ts';

/** What tells which servers are in a room. */
export interface RoomServersTools {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: { readonly partial: PartialRooms };
}

/**
 * The servers with joined users in a room, ours among them, those that were known first at the front; while its members are on their
 * way, also those that are said to be in it.
 */
export async function serversOfRoom({ database, names, rooms }: RoomServersTools, roomNid: number): Promise<ServerName[]> {
  const nids = (await joinedServers(database, roomNid)).toSorted((one, other) => one - other);
  const texts = await names.textsOf(nids);
  const joined = nids.flatMap((nid) => (texts.get(nid) as ServerName | undefined) ?? []);
  return [...new Set([...joined, ...rooms.partial.serversOf(roomNid)])];
}
