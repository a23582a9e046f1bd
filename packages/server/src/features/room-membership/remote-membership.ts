import { forbidden, notFound } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../rooms/index.ts';
import { memberContent } from './member-content.ts';
import { isServerIn, limit, type Actor, type MembershipTools } from './membership-tools.ts';

/** A membership that needs another server's help. `content` is that of the `m.room.member` event to be. */
export interface RemoteStep {
  readonly user: UserId;
  readonly roomId: RoomId;
  /** Servers that may help, best first. */
  readonly via: readonly ServerName[];
  readonly content: JsonObject;
  /** The largest room that may be joined, 1 standing for 500 state events (`limit_remote_rooms`); absent: any. */
  readonly mostComplexity?: { readonly limit: number; readonly error: string };
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
  /** Has an invite to an address made one to the user behind it; https://spec.matrix.org/v1.19/server-server-api/#third-party-invites */
  exchange(invitation: {
    readonly roomId: RoomId;
    readonly sender: UserId;
    readonly target: UserId;
    readonly signed: JsonObject & {
      readonly mxid: UserId;
      readonly token: string;
      readonly signatures: Record<string, Record<string, string>>;
    };
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
  exchange: () => Promise.reject(forbidden(unreachable)),
};

/** A user on the way into a room, or to its door. */
export interface RemoteEntry {
  readonly action: 'join' | 'knock';
  readonly by: Actor;
  readonly roomId: RoomId;
  readonly wanted: JsonObject;
  readonly via: readonly ServerName[];
}

/**
 * Gets a user into a room that this server is not in, or lets them knock there: other servers must help. Of several users one goes
 * first; false where the server is in the room by the time it is this user's turn, so that nobody's help is needed any more.
 */
export async function enterThroughOthers(tools: MembershipTools, entry: RemoteEntry): Promise<boolean> {
  const { roomId } = entry;
  return tools.entries.take(roomId, async () => {
    const room = await tools.rooms.ids.find(roomId);
    if (room && (await isServerIn(tools.rooms, room))) return false;
    await askOthers(tools, entry);
    return true;
  });
}

/** The same where this server is in the room, and cannot let the user in by itself. */
export async function askOthers(tools: MembershipTools, entry: RemoteEntry): Promise<void> {
  const { action, by, roomId, wanted, via } = entry;
  if (action === 'join') limit(tools, 'rc_joins.remote', by, by.userId);
  const content = await memberContent(tools, { action, by, target: by.userId, wanted });
  const { enabled, complexity, complexity_error: error, admins_can_join: adminsMay } = tools.config.limit_remote_rooms;
  const isLimited = action === 'join' && enabled && !(adminsMay && by.isAdmin);
  await tools.remote[action]({
    user: by.userId,
    roomId,
    via,
    content,
    ...(isLimited && { mostComplexity: { limit: complexity, error } }),
  });
}
