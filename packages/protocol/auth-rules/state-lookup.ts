import type { JsonObject, RoomEvent } from '../events/pdu.ts';
import type { ServerName } from '../identifiers/index.ts';
import { stringProperty } from './content.ts';

/**
 * The room state that an event is judged by: the state event of a type and state key, or undefined where there is none.
 * It hands out events that were accepted, never rejected ones.
 */
export type StateLookup = (type: string, stateKey: string) => StateEvent | undefined;

/** What the rules read of a state event: all but its place in the graph. */
export type StateEvent = Omit<RoomEvent, 'prevEvents' | 'authEvents' | 'redacts'>;

/**
 * What the rules cannot read off events. A fact that is not given counts as false, so that nothing is let through
 * because somebody forgot to look.
 */
export interface AuthFacts {
  /** Whether any signature in `third_party_invite.signed` is made by one of these ed25519 public keys (base64, as the event has them). */
  readonly verifyThirdPartySigned?: (signed: JsonObject, publicKeys: readonly string[]) => boolean;
  /** Whether the event carries a valid signature of this server; asked for `join_authorised_via_users_server`. */
  readonly isSignedBy?: (event: RoomEvent, server: ServerName) => boolean;
  /** Whether the create event came with a `room_id` of its own, which room version 12 forbids. */
  readonly createCarriesRoomId?: boolean;
}

/** A lookup in a handful of state events, such as the auth events of an event. Of two with the same key the first counts. */
export function lookupAmong(events: Iterable<StateEvent>): StateLookup {
  const byType = new Map<string, Map<string, StateEvent>>();
  for (const event of events) {
    if (event.stateKey === undefined) continue;
    let ofType = byType.get(event.type);
    if (!ofType) byType.set(event.type, (ofType = new Map<string, StateEvent>()));
    if (!ofType.has(event.stateKey)) ofType.set(event.stateKey, event);
  }
  return (type, stateKey) => byType.get(type)?.get(stateKey);
}

/** A user's membership in the state, such as `join`; undefined for somebody who never had one. */
export function membershipOf(userId: string, state: StateLookup): string | undefined {
  const member = state('m.room.member', userId);
  return member && stringProperty(member.content, 'membership');
}

/**
 * The join rule in force: `invite` where the room never set one, and where its event names none, as all servers have it; undefined where
 * what it names can be none. https://spec.matrix.org/v1.19/client-server-api/#mroomjoin_rules
 */
export function joinRuleIn(state: StateLookup): string | undefined {
  const content = state('m.room.join_rules', '')?.content;
  return content && Object.hasOwn(content, 'join_rule') ? stringProperty(content, 'join_rule') : 'invite';
}
