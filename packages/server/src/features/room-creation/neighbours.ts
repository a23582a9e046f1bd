import type { RoomAlias, RoomId } from '@myelin/protocol/identifiers';

import type { Tx } from '../../platform/database/index.ts';
import type { RoomIdentity } from '../../rooms/index.ts';
import type { Actor } from '../room-membership/index.ts';

/** A room as the directory's rows name it. */
export interface ListedRoom {
  readonly roomNid: number;
  readonly roomId: RoomId;
}

/** An alias that nobody else can take while its room is being made. */
export interface AliasReservation {
  /** Points the alias to the room, in the transaction that makes the room. */
  write(tx: Tx, room: ListedRoom): void;
  /** Whether the alias leads somewhere now: another process may have taken it. */
  isTaken(): Promise<boolean>;
  /** Lets go of the alias; to be called in the end, whether the room was made or not. */
  release(): void;
}

/** Aliases and the list of public rooms, which the feature `room-directory` keeps. */
export interface NewRoomDirectory {
  /** Throws M_ROOM_IN_USE, M_INVALID_PARAM, M_EXCLUSIVE or M_FORBIDDEN where the user cannot have it. */
  reserve(alias: RoomAlias, by: Actor): Promise<AliasReservation>;
  /** Whether the server's rules let the user publish a room with those aliases. */
  mayPublish(by: Actor, aliases: readonly RoomAlias[]): boolean;
  publish(tx: Tx, room: ListedRoom): void;
  /** Loads what is to be moved: the local aliases of a room and its place in the list of public rooms. The answer moves it. */
  prepareMove(from: ListedRoom): Promise<(tx: Tx, to: ListedRoom) => void>;
}

/** Carries what a local user keeps about a room over to its replacement: tags, `m.direct`, push rules. */
export interface UpgradeFollower {
  /** May be called again for what is done already, after a failure. */
  follow(userNid: number, from: RoomIdentity, to: RoomIdentity): Promise<void>;
}
