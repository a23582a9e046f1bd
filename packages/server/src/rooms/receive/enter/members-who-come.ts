import { readMembership } from '@myelin/protocol/events/content';
import { domainOf, type EventId, type UserId } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../../events/stored-event.ts';
import { membershipsOfRoom } from '../../membership/membership-store.ts';
import { membershipIn, type Membership, type MembershipChange } from '../../membership/membership.ts';
import type { Room } from '../../room.ts';
import type { StateDifference } from '../../state/index.ts';
import type { CheckedEvent } from '../door/at-the-door.ts';
import type { ReceiveTools } from '../receive-tools.ts';

interface Member {
  readonly nid: number;
  readonly userId: UserId;
  readonly sender: string;
  readonly membership: Membership;
}

/**
 * What entering a room makes of its members: by what this server knew of them before, which may be an invitation that came without
 * the room. A hundred thousand members' events are not loaded for it where they have just been given.
 */
export async function membersWhoCome(
  tools: ReceiveTools,
  room: Room,
  entered: {
    readonly differences: readonly StateDifference[];
    readonly join: StoredEvent;
    readonly given: ReadonlyMap<EventId, CheckedEvent>;
    readonly position: number;
  },
): Promise<MembershipChange[]> {
  const members = await membersOf(tools, entered);
  const names = await tools.names.idsOf(
    new Set([...members.values()].flatMap(({ userId, sender }) => [domainOf(userId), sender])),
  );
  const before = await membershipsOfRoom(tools.database, room.nid);
  return entered.differences.flatMap(({ stateKey: userNid, before: beforeNid, after }): MembershipChange[] => {
    const member = members.get(after ?? beforeNid ?? 0);
    if (!member) return [];
    const server = domainOf(member.userId);
    const previous = before.get(userNid);
    return [
      {
        roomNid: room.nid,
        userNid,
        senderNid: names.get(member.sender) ?? 0,
        serverNid: names.get(server) ?? 0,
        local: server === tools.serverName,
        membership: after === undefined ? 'leave' : member.membership,
        previous: previous ?? 'leave',
        isFirst: previous === undefined,
        eventNid: member.nid,
        position: entered.position,
      },
    ];
  });
}

async function membersOf(
  tools: ReceiveTools,
  {
    differences,
    join,
    given,
  }: { differences: readonly StateDifference[]; join: StoredEvent; given: ReadonlyMap<EventId, CheckedEvent> },
): Promise<Map<number, Member>> {
  const members = new Map<number, Member>([[join.nid, memberOf(join)]]);
  for (const [eventId, nid] of await tools.events.nidsOf([...given.keys()])) {
    const event = given.get(eventId)?.event;
    if (event?.type !== 'm.room.member' || event.stateKey === undefined) continue;
    const membership = readMembership(event.content) ?? 'leave';
    members.set(nid, { nid, userId: event.stateKey as UserId, sender: event.sender, membership });
  }
  const others = differences.flatMap(({ before, after }) => after ?? before ?? []).filter((nid) => !members.has(nid));
  for (const event of (await tools.events.byNids(others)).values()) members.set(event.nid, memberOf(event));
  return members;
}

function memberOf(event: StoredEvent): Member {
  // The authorisation rules let no other state key pass.
  return { nid: event.nid, userId: event.stateKey as UserId, sender: event.sender, membership: membershipIn(event.content) };
}
