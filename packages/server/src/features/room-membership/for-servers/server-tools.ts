import { forbidden, notFound } from '@myelin/protocol/errors';
import { domainOf, type RoomId, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import { isServerAllowed } from '@myelin/protocol/server-acl';
import type { SigningKey } from '@myelin/protocol/signatures';

import type { Config } from '../../../config/index.ts';
import type { RoomIdentity, StoredEvent } from '../../../rooms/index.ts';
import { isServerIn, type MembershipTools } from '../membership-tools.ts';

/** Who of this server can be invited; the feature `account` knows. */
export interface InvitableUsers {
  /** Undefined where there is no such account. */
  find(user: UserId): Promise<{ readonly isDeactivated: boolean } | undefined>;
}

/** What serving other servers' memberships needs. */
export interface ServerMembershipTools extends MembershipTools {
  readonly config: MembershipTools['config'] & Pick<Config, 'limit_remote_rooms'>;
  readonly signingKey: SigningKey;
  readonly accounts: InvitableUsers;
  /** Passes an event of another server's user on to all servers in the room: we have helped it in. */
  readonly relay: (event: StoredEvent, origin: ServerName) => Promise<void>;
}

/** Whoever asks has others to ask. */
const membersWaitedForMs = 5_000;

/**
 * A room in which this server can help. Throws M_NOT_FOUND where none of our users is in it, or its members are on their way here;
 * M_FORBIDDEN where its ACL shuts the asking
 * server out.
 */
export async function residentRoom(
  { rooms }: Pick<ServerMembershipTools, 'rooms'>,
  roomId: RoomId,
  origin: ServerName,
): Promise<RoomIdentity> {
  const room = await rooms.ids.find(roomId);
  if (!room || !(await isServerIn(rooms, room))) throw notFound('Unknown room');
  if (!(await rooms.partial.whenComplete(room.nid, membersWaitedForMs))) {
    throw notFound('This server does not know all of the room yet');
  }
  const acl = await rooms.states.current(room.nid, 'm.room.server_acl', '');
  if (!isServerAllowed(acl?.content, origin)) throw forbidden(`The room does not let ${origin} take part`);
  return room;
}

/** Throws M_FORBIDDEN where a server speaks for a user of another. */
export function checkSpeaksFor(origin: ServerName, user: UserId): void {
  if (domainOf(user) !== origin) throw forbidden(`${origin} cannot speak for ${user}`);
}
