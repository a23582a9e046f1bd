import { forbidden, notFound } from '@myelin/protocol/errors';
import type { RoomAlias, RoomId, ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Database, Tx } from '../../platform/database/index.ts';
import type { Room, RoomIdentity, Rooms } from '../../rooms/index.ts';
import { aliasesOfRoom, moveAliases } from './aliases.store.ts';
import { describeByEvents, describingState, publicRoomOf, type PublicRoom, type RoomDescription } from './describe-room.ts';
import { compileDirectoryRules, type DirectoryWish } from './directory-rules.ts';
import {
  countPublished,
  decodePageToken,
  encodePageToken,
  isPublished,
  listPublished,
  publishBlank,
  removePublished,
  updateDescription,
  type DirectoryFilter,
  type PageToken,
  type PublishedRoom,
} from './published-rooms.store.ts';
import type { RemoteDirectory } from './remote-directory.ts';
import { canonicalAliasOf, mayManage, type AuthorityTools, type DirectoryUser } from './room-authority.ts';

/** Whether a room is in the directory. */
export type DirectoryVisibility = 'public' | 'private';

/** What a client asks of a directory. */
export interface PublicRoomsQuery {
  /** As many as one answer may have, where it is undefined or 0. */
  readonly limit: number | undefined;
  readonly since: string | undefined;
  readonly filter: DirectoryFilter;
  /** Rooms of one network of an application service only. */
  readonly network?: string;
}

/** A page of a directory; https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms */
export interface PublicRoomsPage {
  chunk: PublicRoom[];
  next_batch?: string;
  prev_batch?: string;
  total_room_count_estimate?: number;
}

export interface PublishedRoomsNeeds extends AuthorityTools {
  readonly config: Pick<Config, 'enable_room_list_search' | 'room_list_publication_rules'>;
  readonly database: Database;
  readonly rooms: Rooms;
  readonly serverName: ServerName;
  readonly remote: RemoteDirectory;
}

/** The most rooms of one answer, and how many there are where none were asked for. */
const maxLimit = 500;
/** Longer terms find nothing that a shorter one would not: names are short, and each room is compared. */
const maxTermLength = 512;

/**
 * The directory in which people find rooms.
 * https://spec.matrix.org/v1.19/client-server-api/#published-room-directory
 */
export class PublishedRooms {
  readonly #needs: PublishedRoomsNeeds;
  readonly #allowed: (wish: DirectoryWish) => boolean;

  constructor(needs: PublishedRoomsNeeds) {
    this.#needs = needs;
    this.#allowed = compileDirectoryRules(needs.config.room_list_publication_rules, 'deny');
  }

  /** Whether a room is in the directory. Throws M_NOT_FOUND where this server does not know it. */
  async visibilityOf(roomId: RoomId): Promise<DirectoryVisibility> {
    const room = await this.#find(roomId);
    return (await isPublished(this.#needs.database, room.nid)) ? 'public' : 'private';
  }

  /**
   * Puts a room into the directory or takes it out. Throws M_NOT_FOUND, and M_FORBIDDEN where the user may not say how the room is
   * found, or the rules of the server do not let it be published.
   */
  async setVisibility(roomId: RoomId, visibility: DirectoryVisibility, by: DirectoryUser): Promise<void> {
    const { database } = this.#needs;
    const room = await this.#find(roomId);
    if (!(await mayManage(this.#needs, room, by))) throw forbidden('You may not change how the room is listed');
    if (visibility === 'private') {
      await database.write((tx) => removePublished(tx, room.nid));
      return;
    }
    const canonical = await canonicalAliasOf(this.#needs, room);
    const local = await aliasesOfRoom(database, room.nid);
    if (!this.mayPublish(by, canonical === undefined ? local : [...local, canonical], roomId))
      throw forbidden('The rules of this server do not let you publish this room');
    await this.#publish(room);
  }

  /** Whether the rules of the server let the user publish a room with these aliases; without an id, one that is about to be made. */
  mayPublish(by: DirectoryUser, aliases: readonly RoomAlias[], roomId?: RoomId): boolean {
    return by.isAdmin || this.#allowed({ userId: by.userId, aliases, roomId });
  }

  /** Lists a room in the transaction that makes it; what its events say follows there, by `keepPublishedRooms`. */
  publishNew(tx: Tx, roomNid: number): void {
    publishBlank(tx, roomNid);
  }

  /**
   * Loads what is to be moved; the answer moves the local aliases and the place in the directory from one room to another, in the
   * transaction that makes that one.
   */
  async prepareMove(fromNid: number): Promise<(tx: Tx, toNid: number) => void> {
    const published = await isPublished(this.#needs.database, fromNid);
    return (tx, toNid) => {
      moveAliases(tx, fromNid, toNid);
      if (!published) return;
      removePublished(tx, fromNid);
      publishBlank(tx, toNid);
    };
  }

  /** A page of the directory. Throws M_INVALID_PARAM for a `since` that is none. */
  async list(query: PublicRoomsQuery, server: ServerName = this.#needs.serverName): Promise<PublicRoomsPage> {
    const { config, database, serverName, remote } = this.#needs;
    if (!config.enable_room_list_search) return { chunk: [], total_room_count_estimate: 0 };
    if (server !== serverName) return remote.publicRooms(server, query);
    const from = query.since === undefined || query.since === '' ? undefined : decodePageToken(query.since);
    const total = await countPublished(database);
    // No application service lists rooms of its networks here.
    if (query.network !== undefined) return { chunk: [], total_room_count_estimate: total };
    const limit = Math.min(query.limit || maxLimit, maxLimit);
    const filter = {
      ...query.filter,
      ...(query.filter.term !== undefined && { term: query.filter.term.slice(0, maxTermLength) }),
    };
    // One more than asked for tells whether that side goes on.
    const found = await listPublished(database, { from, filter, limit: limit + 1 });
    return { ...pageOf(found, from, limit), total_room_count_estimate: total };
  }

  async #publish(identity: RoomIdentity): Promise<void> {
    const { database, rooms } = this.#needs;
    // In the room's turn: no event comes between what the row says and the row's place among the room's writes.
    const { durable } = await rooms.inTurn(identity, async (room) => {
      const { joined, description } = await this.#describe(room);
      const durable = database.write(
        (tx) => {
          publishBlank(tx, room.nid);
          updateDescription(tx, room.nid, joined, description);
        },
        { lane: room.lane },
      );
      // Awaited outside the turn, where a failure is told.
      durable.catch(() => undefined);
      return { durable };
    });
    await durable;
  }

  async #describe(room: Room): Promise<{ joined: number; description: RoomDescription }> {
    const events = await this.#needs.rooms.states.events(room.nid, room.head.root, describingState);
    return { joined: room.head.members.get('join') ?? 0, description: describeByEvents(events) };
  }

  async #find(roomId: RoomId): Promise<RoomIdentity> {
    const room = await this.#needs.rooms.ids.find(roomId);
    if (!room) throw notFound('This server does not know the room');
    return room;
  }
}

/** The rooms that were found, one more than `limit` where that side goes on, with the tokens for both sides. */
function pageOf(found: readonly PublishedRoom[], from: PageToken | undefined, limit: number): PublicRoomsPage {
  const goesOn = found.length > limit;
  const backwards = from?.direction === 'before';
  const rooms = goesOn && backwards ? found.slice(1) : found.slice(0, limit);
  const [first, last] = [rooms[0], rooms.at(-1)];
  // On the side that the client comes from there are rooms: those of the page it had. On the other one, if there was one more.
  const before = backwards ? goesOn && first : from && (first ?? { ...from, roomNid: from.roomNid - 1 });
  const after = backwards ? (last ?? { ...from, roomNid: from.roomNid + 1 }) : goesOn && last;
  return {
    chunk: rooms.map((room) => publicRoomOf(room.roomId, room.joinedMembers, room)),
    ...(before && { prev_batch: encodePageToken({ ...before, direction: 'before' }) }),
    ...(after && { next_batch: encodePageToken({ ...after, direction: 'after' }) }),
  };
}
