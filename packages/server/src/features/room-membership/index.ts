import type { JsonObject } from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';

import { Turns } from '../../platform/turns.ts';
import type { Feature } from '../feature.ts';
import { membershipFederation } from './for-servers/membership.federation.ts';
import type { ServerMembershipTools } from './for-servers/server-tools.ts';
import { checkInvites } from './invites.ts';
import { joinRoom, type Entry } from './join-room.ts';
import { leaveAllRooms } from './leave-room.ts';
import { memberContent } from './member-content.ts';
import type { Actor, AliasLookup, InvitePermissions, MembershipTools, MemberProfiles } from './membership-tools.ts';
import { forgetOnLeave, sendGuestsAway } from './persist-hooks.ts';
import { noFederation, type RemoteMembership } from './remote-membership.ts';
import { membershipRoutes } from './room-membership.routes.ts';
import { setMembership, type MembershipStep } from './set-membership.ts';
import type { MembershipAction } from './transitions.ts';

export { endAbsentMembership } from './for-servers/absent-users.ts';
export type { Actor, AliasLookup, InvitePermissions, MemberProfiles } from './membership-tools.ts';
export type { MembershipAction } from './transitions.ts';
export type { MembershipStep } from './set-membership.ts';
export type { Entry } from './join-room.ts';
export type { RemoteMembership, RemoteStep } from './remote-membership.ts';

/** What other features do with memberships. */
export interface RoomMembership {
  /** Joins a room by id or alias, as `/join` does. */
  join(entry: Entry): Promise<RoomId>;
  /** Changes a membership in a room that this server is in; see `setMembership`. */
  set(step: MembershipStep): Promise<EventId | undefined>;
  /** Takes a user out of all rooms, as deactivating an account does. */
  leaveAllRooms(by: Actor): Promise<void>;
  /** The content of an `m.room.member`, name and avatar included; throws where an own name or avatar cannot be. */
  content(step: { action: MembershipAction; by: Actor; target: UserId; wanted: JsonObject }): Promise<JsonObject>;
  /** Throws where somebody may not invite these users, whatever the room says. */
  checkInvites(invite: { by: Actor; targets: readonly UserId[]; roomId?: RoomId }): Promise<void>;
  readonly remote: RemoteMembership;
}

/** What the feature is given; neighbours that are not there yet count as having nothing to say. */
export type RoomMembershipNeeds = Omit<MembershipTools, 'profiles' | 'aliases' | 'invitePermissions' | 'remote' | 'entries'> & {
  readonly profiles?: MemberProfiles;
  readonly aliases?: AliasLookup;
  readonly invitePermissions?: InvitePermissions;
  /** Absent: the server stands alone. */
  readonly remote?: RemoteMembership;
  /** What serving other servers takes beyond that. */
  readonly forServers?: Pick<ServerMembershipTools, 'signingKey' | 'accounts' | 'relay'>;
};

/** Join, invite, knock, leave, kick, ban, unban, forget, and the lists of who is where. */
export function roomMembershipFeature(needs: RoomMembershipNeeds): { feature: Feature; membership: RoomMembership } {
  const tools: MembershipTools = {
    config: needs.config,
    database: needs.database,
    names: needs.names,
    rooms: needs.rooms,
    limiters: needs.limiters,
    logger: needs.logger,
    serverName: needs.serverName,
    profiles: needs.profiles ?? { profileOf: () => Promise.resolve({}), isAvatarAllowed: () => Promise.resolve(true) },
    aliases: needs.aliases ?? { resolve: () => Promise.resolve(undefined) },
    invitePermissions: needs.invitePermissions ?? { readContent: () => Promise.resolve(undefined) },
    remote: needs.remote ?? noFederation,
    entries: new Turns(),
  };
  tools.rooms.hooks.persist.push(sendGuestsAway(tools));
  if (tools.config.forget_rooms_on_leave) tools.rooms.hooks.persist.push(forgetOnLeave(tools));
  return {
    feature: {
      name: 'room-membership',
      routes: [...membershipRoutes(tools), ...(needs.forServers ? membershipFederation({ ...tools, ...needs.forServers }) : [])],
    },
    membership: {
      join: (entry) => joinRoom(tools, entry),
      set: (step) => setMembership(tools, step),
      leaveAllRooms: (by) => leaveAllRooms(tools, by),
      content: (step) => memberContent(tools, step),
      checkInvites: (invite) => checkInvites(tools, invite),
      remote: tools.remote,
    },
  };
}
