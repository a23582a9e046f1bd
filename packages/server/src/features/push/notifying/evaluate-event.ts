import { objectField, textsField } from '@myelin/protocol/events/content';
import type { UserId } from '@myelin/protocol/identifiers';
import { pushEvaluator, untouchedPushRules, type PushEvaluator, type RoomFacts } from '@myelin/protocol/push-rules';

import type { StoredEvent } from '../../../rooms/index.ts';
import type { Member, RoomMembers, RulesGroup } from './members.ts';
import { countsAlike, outcomeOf, silence, type Outcome } from './outcome.ts';

/** What an event does for a room's members. */
export interface Verdicts {
  /** What it does for whoever has ordinary rules and is not named in it. */
  readonly ordinary: Outcome;
  /** Members for whom it does something else than for a follower (`ordinary`) or for one who follows nothing (silence). */
  readonly others: ReadonlyMap<Member, Outcome>;
}

/** The names of members in the room, for rules that ask for them. Only those with such rules are asked. */
export type DisplayNames = (member: Member) => string | undefined;

/**
 * Evaluates an event for all members of its room but the sender, at a cost of one evaluation for each group of equal rules, and one
 * more for each member who is named in the event.
 *
 * `nobody` must be a user id that no event can name: the one for whom groups are asked.
 */
export function evaluateEvent(
  event: StoredEvent,
  room: RoomFacts,
  { members, nobody, displayName }: { members: RoomMembers; nobody: UserId; displayName: DisplayNames },
): Verdicts {
  const evaluate = pushEvaluator(event, room);
  const ordinary = outcomeOf(evaluate(untouchedPushRules, { userId: nobody }));
  const others = new Map<Member, Outcome>();
  const judge = (member: Member, outcome: Outcome): void => {
    if (countsAlike(outcome, member.followsFrom === undefined ? silence : ordinary)) others.delete(member);
    else others.set(member, outcome);
  };
  for (const group of members.groups.values()) judgeGroup(group, { evaluate, ordinary, nobody, displayName, judge });
  for (const member of named(event, members)) {
    judge(member, outcomeOf(evaluate(member.group.rules, { userId: member.userId, displayName: displayName(member) })));
  }
  // Never push for those who ignore the sender; https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-20
  for (const member of members.ignoring.get(event.sender) ?? []) judge(member, silence);
  const sender = members.byNid.get(event.senderNid);
  if (sender) others.delete(sender);
  return { ordinary, others };
}

function judgeGroup(
  group: RulesGroup,
  {
    evaluate,
    ordinary,
    nobody,
    displayName,
    judge,
  }: {
    evaluate: PushEvaluator;
    ordinary: Outcome;
    nobody: UserId;
    displayName: DisplayNames;
    judge: (member: Member, outcome: Outcome) => void;
  },
): void {
  if (group.personal) {
    for (const member of group.members) {
      judge(member, outcomeOf(evaluate(group.rules, { userId: member.userId, displayName: displayName(member) })));
    }
    return;
  }
  const outcome = group.rules === untouchedPushRules ? ordinary : outcomeOf(evaluate(group.rules, { userId: nobody }));
  if (!countsAlike(outcome, ordinary)) for (const member of group.followers) judge(member, outcome);
  if (countsAlike(outcome, silence) || group.followers.size === group.members.size) return;
  for (const member of group.members) if (member.followsFrom === undefined) judge(member, outcome);
}

/** Members whom the event's mentions name, or whose membership it is about: rules may ask for them in person. */
function* named(event: StoredEvent, members: RoomMembers): Generator<Member> {
  const target = event.stateKey === undefined ? undefined : members.byId.get(event.stateKey);
  if (target) yield target;
  if (!event.contentJson.includes('"m.mentions"')) return;
  const mentions = objectField(event.content, 'm.mentions');
  for (const userId of new Set(mentions && textsField(mentions, 'user_ids'))) {
    const member = members.byId.get(userId);
    if (member) yield member;
  }
}
