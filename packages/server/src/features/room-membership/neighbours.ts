import { forbidden, notFound } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { RoomAlias, RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../rooms/index.ts';

/** Names and avatars, which the feature `profiles` keeps. */
export interface MemberProfiles {
  /** What an account calls itself everywhere; empty where it has said nothing. */
  profileOf(userId: UserId): Promise<{ readonly displayname?: string; readonly avatar_url?: string }>;
  /** Whether an avatar keeps to `max_avatar_size` and `allowed_avatar_mimetypes`. */
  isAvatarAllowed(avatarUrl: string): Promise<boolean>;
}

/** Aliases, which the feature `room-directory` keeps. */
export interface AliasLookup {
  /** The room behind an alias and servers that are in it; undefined where there is none. */
  resolve(alias: RoomAlias): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] } | undefined>;
}

/** What local users have set for themselves, which the feature `account-data` keeps. */
export interface InvitePermissions {
  /** The content of a local user's account data of that type, for the whole account. */
  readContent(userNid: number, type: string): Promise<JsonObject | undefined>;
}

/** A membership that needs another server's help. `content` is that of the `m.room.member` event to be. */
export interface RemoteStep {
  readonly user: UserId;
  readonly roomId: RoomId;
  /** Servers that may help, best first. */
  readonly via: readonly ServerName[];
  readonly content: JsonObject;
}

/**
 * Taking part in rooms that this server is not in, and bringing users of other servers into rooms that it is in: what federation
 * provides. All of it throws a MatrixError where it cannot be done.
 */
export interface RemoteMembership {
  /** https://spec.matrix.org/v1.19/server-server-api/#joining-rooms */
  join(step: RemoteStep): Promise<void>;
  /** https://spec.matrix.org/v1.19/server-server-api/#knocking-upon-a-room */
  knock(step: RemoteStep): Promise<void>;
  /** Rejects an invite or takes back a knock; https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites */
  leave(step: RemoteStep): Promise<void>;
  /** Refuses, before anything is made, to invite users whom nobody could reach. */
  checkReachable(users: readonly UserId[]): void;
  /** https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room */
  invite(step: {
    readonly room: RoomIdentity;
    readonly by: UserId;
    readonly target: UserId;
    readonly content: JsonObject;
  }): Promise<void>;
}

const unreachable = 'This server does not talk to other servers';

/** For a server that stands alone: rooms it is not in do not exist, and users of other servers cannot be reached. */
export const noFederation: RemoteMembership = {
  join: () => Promise.reject(notFound("Can't join: no server that is in the room is known")),
  knock: () => Promise.reject(notFound("Can't knock: no server that is in the room is known")),
  leave: () => Promise.reject(notFound('Not a known room')),
  checkReachable(users) {
    if (users.length > 0) throw forbidden(`${unreachable}: ${users[0]} cannot be invited`);
  },
  invite: () => Promise.reject(forbidden(unreachable)),
};
