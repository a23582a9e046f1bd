import type { JsonObject } from '@myelin/protocol/events';
import { readMembership, type Membership } from '@myelin/protocol/events/content';
import { domainOf, isUserId } from '@myelin/protocol/identifiers';

export type { Membership };

// The order is stored: append only.
const byCode: readonly Membership[] = ['leave', 'join', 'invite', 'knock', 'ban'];

/** The number that stands for a membership in the database. */
export function membershipCode(membership: Membership): number {
  return byCode.indexOf(membership);
}

/** The membership behind a number in the database. */
export function membershipOfCode(code: number): Membership {
  const membership = byCode[code];
  if (!membership) throw new RangeError(`no membership has the code ${code}`);
  return membership;
}

/** The membership that an event's content states; `leave` where it states none that is known. */
export function membershipIn(content: JsonObject): Membership {
  return readMembership(content) ?? 'leave';
}

/**
 * The server of the user whom a member event is about. Whoever joins is a user of some server; whoever is invited or banned may be any text
 * that somebody with the power has come upon, and that is of no server: the empty name stands for it.
 */
export function serverOfMember(stateKey: string): string {
  return isUserId(stateKey) ? domainOf(stateKey) : '';
}

/** A user's membership by a room's current state. */
export interface UserMembership {
  readonly roomNid: number;
  readonly membership: Membership;
  readonly eventNid: number;
  readonly senderNid: number;
  /** Where in the events stream it came about. */
  readonly position: number;
  readonly forgotten: boolean;
}

/** A membership that an event has changed (or renewed: a join that only renames is one too). */
export interface MembershipChange {
  readonly roomNid: number;
  readonly userNid: number;
  readonly senderNid: number;
  readonly serverNid: number;
  readonly local: boolean;
  readonly membership: Membership;
  /** `leave` where there was none. */
  readonly previous: Membership;
  /** The user never had any membership of the room. */
  readonly isFirst: boolean;
  readonly eventNid: number;
  readonly position: number;
}
