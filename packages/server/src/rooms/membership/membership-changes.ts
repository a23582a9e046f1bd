import type { ServerName } from '@myelin/protocol/identifiers';

import type { Interner } from '../../platform/database/index.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import { membershipIn, serverOfMember, type MembershipChange } from './membership.ts';

export interface MembershipTools {
  readonly names: Interner;
  readonly serverName: ServerName;
}

/** Two members' events, one of which took the place of the other in a room's current state. At least one of them is there. */
export interface MemberMove {
  readonly userNid: number;
  readonly before: StoredEvent | undefined;
  /** Undefined where state resolution has taken the member away: they are as good as gone. */
  readonly after: StoredEvent | undefined;
}

/** What a change of a room's state is for its member. `position` is where in the events stream it comes about. */
export async function membershipChange(
  tools: MembershipTools,
  { userNid, before, after }: MemberMove,
  position: number,
): Promise<MembershipChange> {
  const event = (after ?? before) as StoredEvent;
  const server = serverOfMember(event.stateKey ?? '');
  return {
    roomNid: event.roomNid,
    userNid,
    senderNid: event.senderNid,
    serverNid: await tools.names.idOf(server),
    local: server === tools.serverName,
    membership: after ? membershipIn(after.content) : 'leave',
    previous: before ? membershipIn(before.content) : 'leave',
    isFirst: before === undefined,
    eventNid: event.nid,
    position,
  };
}
