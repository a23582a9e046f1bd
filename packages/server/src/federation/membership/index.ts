import type { JsonObject } from '@myelin/protocol/events';
import type { RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../rooms/index.ts';
import { checkReachable, inviteRemoteUser } from './invite.ts';
import { joinThroughOthers } from './join.ts';
import { knockThroughOthers } from './knock.ts';
import { leaveThroughOthers } from './leave.ts';
import { exchangeThroughOthers, type ThirdPartyInvitation } from './third-party-invite.ts';
import type { RemoteMembershipTools } from './tools.ts';

export { memberFault, pduJson } from './member-pdu.ts';
export { mostShown, shownPdus, strippedEvents, strippedStateJson } from './shown-state.ts';
export type { NamedRoom, RemoteMembershipTools } from './tools.ts';

interface Step {
  readonly user: UserId;
  readonly roomId: RoomId;
  readonly via: readonly ServerName[];
  readonly content: JsonObject;
  readonly mostComplexity?: { readonly limit: number; readonly error: string };
}

/** Taking part in rooms of other servers; the feature `room-membership` says what of it is asked for when. */
export interface MembershipOverFederation {
  join(step: Step): Promise<void>;
  knock(step: Step): Promise<void>;
  leave(step: Step): Promise<void>;
  checkReachable(users: readonly UserId[]): void;
  invite(step: {
    readonly room: RoomIdentity;
    readonly by: UserId;
    readonly target: UserId;
    readonly content: JsonObject;
  }): Promise<void>;
  exchange(invitation: ThirdPartyInvitation): Promise<void>;
}

/** Memberships that need the help of another server. */
export function membershipOverFederation(tools: RemoteMembershipTools): MembershipOverFederation {
  return {
    join: (step) => joinThroughOthers(tools, step),
    knock: (step) => knockThroughOthers(tools, step),
    leave: (step) => leaveThroughOthers(tools, step),
    checkReachable: (users) => checkReachable(tools, users),
    invite: (step) => inviteRemoteUser(tools, step),
    exchange: (invitation) => exchangeThroughOthers(tools, invitation),
  };
}
