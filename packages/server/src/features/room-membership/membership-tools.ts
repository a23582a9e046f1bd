import type { JsonObject } from '@myelin/protocol/events';
import type { RoomAlias, RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { UserRequester } from '../../platform/http/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Limiter } from '../../platform/rate-limits/index.ts';
import type { Turns } from '../../platform/turns.ts';
import type { RoomIdentity, Rooms } from '../../rooms/index.ts';
import type { RemoteMembership } from './remote-membership.ts';

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

/** A local user who does something, known by an access token or acted for by the server itself. */
export interface Actor extends Pick<UserRequester, 'userId' | 'isGuest' | 'isAdmin' | 'appservice'> {
  /** The server does this for them by itself: no limit counts it. */
  readonly isServersDoing?: boolean;
}

/** What every step of membership works with. */
export interface MembershipTools {
  readonly config: Pick<
    Config,
    | 'block_non_admin_invites'
    | 'forget_rooms_on_leave'
    | 'allow_per_room_profiles'
    | 'include_profile_data_on_invite'
    | 'limit_remote_rooms'
  >;
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Rooms;
  readonly limiters: Readonly<Record<string, Limiter>>;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly profiles: MemberProfiles;
  readonly aliases: AliasLookup;
  readonly invitePermissions: InvitePermissions;
  readonly remote: RemoteMembership;
  /** Who enters a room with the help of other servers does so one after another. */
  readonly entries: Turns<RoomId>;
}

/** Counts an action of a user, or of whatever `key` names. Application services that are not limited never are. */
export function limit(tools: Pick<MembershipTools, 'limiters'>, name: string, by: Actor, key: string, cost = 1): void {
  if (by.isServersDoing || by.appservice?.rateLimited === false) return;
  const limiter = tools.limiters[name];
  if (!limiter) throw new Error(`there is no limiter ${name}`);
  limiter.limit(key, cost);
}

/** Whether somebody of this server is joined to the room: its state here is up to date then. */
export async function isServerIn(rooms: Rooms, room: RoomIdentity): Promise<boolean> {
  return (await rooms.memberships.localMembers(room.nid)).size > 0;
}
