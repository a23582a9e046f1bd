import { isUserId } from '../../identifiers/index.ts';
import type { UserId } from '../../identifiers/index.ts';
import type { JsonObject } from '../pdu.ts';
import { booleanField, objectField, textField } from './field.ts';

export type Membership = 'invite' | 'join' | 'knock' | 'leave' | 'ban';

export interface MemberContent {
  readonly membership: Membership | undefined;
  readonly displayName: string | undefined;
  readonly avatarUrl: string | undefined;
  readonly isDirect: boolean;
  readonly reason: string | undefined;
  /** Who of the room lets the user in, in a restricted join. */
  readonly joinAuthorisedVia: UserId | undefined;
  /** Present where the invitation follows from an `m.room.third_party_invite`. */
  readonly thirdPartyInvite: JsonObject | undefined;
}

const memberships: ReadonlySet<string> = new Set<Membership>(['invite', 'join', 'knock', 'leave', 'ban']);

/** Whether the text is a membership that the specification knows. */
export function isMembership(text: string): text is Membership {
  return memberships.has(text);
}

/** The membership in the content of an `m.room.member`; undefined where there is none or an unknown one. */
export function readMembership(content: JsonObject): Membership | undefined {
  const membership = textField(content, 'membership');
  return membership !== undefined && isMembership(membership) ? membership : undefined;
}

/** The content of an `m.room.member`; https://spec.matrix.org/v1.19/client-server-api/#mroommember */
export function readMember(content: JsonObject): MemberContent {
  const via = textField(content, 'join_authorised_via_users_server');
  return {
    membership: readMembership(content),
    displayName: textField(content, 'displayname'),
    avatarUrl: textField(content, 'avatar_url'),
    isDirect: booleanField(content, 'is_direct') ?? false,
    reason: textField(content, 'reason'),
    joinAuthorisedVia: via !== undefined && isUserId(via) ? via : undefined,
    thirdPartyInvite: objectField(content, 'third_party_invite'),
  };
}
