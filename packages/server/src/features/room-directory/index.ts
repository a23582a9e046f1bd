import type { RoomAlias, RoomId, ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Database, Interner, Tx } from '../../platform/database/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import type { Feature } from '../feature.ts';
import { Aliases, type AliasReservation } from './aliases.ts';
import { describingTypes } from './describe-room.ts';
import { keepPublishedRooms } from './keep-published-rooms.ts';
import { PublishedRooms } from './published-rooms.ts';
import { noRemoteDirectory, type AliasTarget, type RemoteDirectory } from './remote-directory.ts';
import type { DirectoryUser } from './room-authority.ts';
import { roomDirectoryFederation } from './room-directory.federation.ts';
import { roomDirectoryRoutes } from './room-directory.routes.ts';

export type { AliasReservation } from './aliases.ts';
export type { PublicRoomsPage, PublicRoomsQuery } from './published-rooms.ts';
export type { AliasTarget, RemoteDirectory } from './remote-directory.ts';
export type { DirectoryUser } from './room-authority.ts';
export {
  isRoomHere,
  mayPersonSee,
  mayServerSee,
  summariseLocalRoom,
  type LocalSummaryNeeds,
  type RoomSummary,
} from './local-summary.ts';

/** A room as the directory's rows name it. */
export interface ListedRoom {
  readonly roomNid: number;
}

/** What other features do with aliases and with the directory. */
export interface RoomDirectory {
  /** The room behind an alias and servers that are in it; undefined where there is none. Throws M_INVALID_PARAM for what is no alias. */
  resolve(alias: RoomAlias): Promise<AliasTarget | undefined>;
  /** Whether an alias leads to the room: what `m.room.canonical_alias` may only list. */
  pointsTo(alias: RoomAlias, roomId: RoomId): Promise<boolean>;
  /** Keeps an alias for a room that is about to be made. Throws M_INVALID_PARAM, M_FORBIDDEN, M_ROOM_IN_USE. */
  reserve(alias: RoomAlias, by: DirectoryUser): Promise<AliasReservation>;
  /** Whether the rules of the server let the user publish a room, which is about to be made, with these aliases. */
  mayPublish(by: DirectoryUser, aliases: readonly RoomAlias[]): boolean;
  /** Lists a room, in the transaction of its first events; only there, because what they say is filled in with them. */
  publish(tx: Tx, room: ListedRoom): void;
  /** Loads what is to be moved; the answer moves local aliases and the place in the directory to a room, in the transaction that makes it. */
  prepareMove(from: ListedRoom): Promise<(tx: Tx, to: ListedRoom) => void>;
}

export interface RoomDirectoryNeeds {
  readonly config: Pick<
    Config,
    | 'alias_creation_rules'
    | 'allow_public_rooms_over_federation'
    | 'allow_public_rooms_without_auth'
    | 'enable_room_list_search'
    | 'require_membership_for_aliases'
    | 'room_list_publication_rules'
  >;
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Rooms;
  readonly serverName: ServerName;
  /** Absent: the server stands alone. */
  readonly remoteDirectory?: RemoteDirectory;
}

/** Aliases, the published directory, and summaries of rooms for those who are not in them. */
export async function roomDirectoryFeature(
  needs: RoomDirectoryNeeds,
): Promise<{ readonly feature: Feature; readonly directory: RoomDirectory }> {
  const { config, database, names, rooms, serverName, remoteDirectory: remote = noRemoteDirectory } = needs;
  // Names that have never been stored are asked for again and again, once for each new room.
  await names.idsOf(describingTypes);
  const aliases = new Aliases({ config, database, names, rooms, serverName, remote });
  const published = new PublishedRooms({ config, database, names, rooms, serverName, remote });
  rooms.hooks.persist.push(keepPublishedRooms(rooms));
  return {
    feature: {
      name: 'room-directory',
      routes: [
        ...roomDirectoryRoutes({ config, aliases, published, summaries: { database, rooms, aliases, remote } }),
        ...roomDirectoryFederation({ config, serverName, aliases, published }),
      ],
    },
    directory: {
      resolve: (alias) => aliases.resolve(alias),
      pointsTo: (alias, roomId) => aliases.pointsTo(alias, roomId),
      reserve: (alias, by) => aliases.reserve(alias, by),
      mayPublish: (by, withAliases) => published.mayPublish(by, withAliases),
      publish: (tx, room) => published.publishNew(tx, room.roomNid),
      async prepareMove(from) {
        const move = await published.prepareMove(from.roomNid);
        return (tx, to) => move(tx, to.roomNid);
      },
    },
  };
}
