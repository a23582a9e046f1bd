import { pushEvaluator } from '@myelin/protocol/push-rules';

import type { StoredEvent } from '../../../rooms/index.ts';
import type { EventEffect } from './event-effect.ts';
import { outcomeOf, silence } from './outcome.ts';
import type { RoomTurn, RoomTurnNeeds } from './room-turn.ts';
import { mainTimeline } from './thread-of-event.ts';

/**
 * What an invite does for the one who is invited, who is no member yet: it is noted for those who notify, and counts in no room.
 * https://spec.matrix.org/v1.19/client-server-api/#_m_rule_invite_for_me
 */
export async function evaluateInvite(
  needs: RoomTurnNeeds,
  turn: RoomTurn,
  { event, position, userNid }: { event: StoredEvent; position: number; userNid: number },
): Promise<EventEffect> {
  const userId = await needs.names.textOf(userNid);
  const [rules, ignored] = await Promise.all([needs.rules.of(userNid), needs.hooks.ignoredUsers(userNid)]);
  const actions = pushEvaluator(event, turn.facts.of(event.sender))(rules, { userId: userId as typeof event.sender });
  const outcome = ignored.has(event.sender) ? silence : outcomeOf(actions);
  return {
    position,
    threadNid: mainTimeline,
    ordinary: silence,
    counted: undefined,
    others: new Map(),
    exceptions: outcome.notifications === 0 ? [] : [{ userNid, ...outcome }],
    followings: [],
    senderNid: event.senderNid,
    hasReadThread: false,
  };
}
