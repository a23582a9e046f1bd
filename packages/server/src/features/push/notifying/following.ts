import type { Member } from './members.ts';
import { countsAlike, silence, type Outcome } from './outcome.ts';

/** Once may be a mention or a muted sender; three times in a row is a habit. */
const habit = 3;

/**
 * Whether a member should follow the room's notifying events from this one on, or stop: so many of them in a row did for this member
 * what the other way would have foretold. A row is then written once, and not for each message.
 */
export function changesFollowing(member: Member, outcome: Outcome, ordinary: Outcome, ordinal: number): boolean {
  if (ordinary.notifications === 0) return false;
  const foretoldByOther = member.followsFrom === undefined ? ordinary : silence;
  if (!countsAlike(outcome, foretoldByOther)) return false;
  member.deviations = member.deviatedAt === ordinal - 1 ? member.deviations + 1 : 1;
  member.deviatedAt = ordinal;
  return member.deviations >= habit;
}
