import type { StoredEvent } from '../events/stored-event.ts';
import { membershipIn, type Membership } from './membership.ts';

/** What the lists of members need of a member's event. */
export interface Member {
  readonly senderNid: number;
  readonly membership: Membership;
}

export function memberOf({ senderNid, content }: StoredEvent): Member {
  return { senderNid, membership: membershipIn(content) };
}
