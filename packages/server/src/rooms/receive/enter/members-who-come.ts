import type { JsonObject } from '@myelin/protocol/events';
import { readMembership } from '@myelin/protocol/events/content';

import { inList, sql } from '../../../platform/database/index.ts';
import type { Member } from '../../membership/member.ts';
import { membershipsOfRoom } from '../../membership/membership-store.ts';
import { serverOfMember, type MembershipChange } from '../../membership/membership.ts';
import type { Room } from '../../room.ts';
import type { StateDifference } from '../../state/index.ts';
import type { ReceiveTools } from '../receive-tools.ts';

/** Members are read and written down so many at a time: others are served in between. */
const atOnce = 1_000;

/**
 * What entering a room makes of its members: by what this server knew of them before, which may be an invitation that came without
 * the room. Of a hundred thousand members no more is read than it takes.
 */
export async function membersWhoCome(
  tools: ReceiveTools,
  room: Room,
  entered: {
    readonly differences: readonly StateDifference[];
    /** Members by the numbers of their events, as far as they are at hand; those of events that are not stored yet among them. */
    readonly atHand: ReadonlyMap<number, Member>;
    readonly position: number;
    /** Where users of other servers count as having come in of whom nothing was known; `position` unless given. */
    readonly joinPosition?: number;
  },
): Promise<MembershipChange[]> {
  const before = await membershipsOfRoom(tools.database, room.nid);
  const { joinPosition = entered.position } = entered;
  const servers = new Map<string, number>();
  const changes: MembershipChange[] = [];
  for (let from = 0; from < entered.differences.length; from += atOnce) {
    const some = entered.differences.slice(from, from + atOnce);
    const nids = some.flatMap(({ before: left, after }) => after ?? left ?? []);
    const stored = await storedMembers(
      tools,
      nids.filter((nid) => !entered.atHand.has(nid)),
    );
    const users = await tools.names.textsOf(some.map(({ stateKey }) => stateKey));
    for (const { stateKey: userNid, before: beforeNid, after } of some) {
      const eventNid = after ?? beforeNid ?? 0;
      const member = entered.atHand.get(eventNid) ?? stored.get(eventNid);
      if (!member) continue;
      const server = serverOfMember(users.get(userNid) ?? '');
      const serverNid = servers.get(server) ?? (await tools.names.idOf(server));
      servers.set(server, serverNid);
      const previous = before.get(userNid);
      const membership = after === undefined ? 'leave' : member.membership;
      if (beforeNid === after && previous === membership) continue;
      const local = server === tools.serverName;
      changes.push({
        roomNid: room.nid,
        userNid,
        senderNid: member.senderNid,
        serverNid,
        local,
        membership,
        previous: previous ?? 'leave',
        isFirst: previous === undefined,
        eventNid,
        position: previous === undefined && !local ? joinPosition : entered.position,
      });
    }
  }
  return changes;
}

async function storedMembers({ database }: ReceiveTools, nids: readonly number[]): Promise<Map<number, Member>> {
  if (nids.length === 0) return new Map();
  const rows = await database.all<{ event_nid: number; sender_nid: number; content: string }>(
    sql`SELECT e.event_nid, e.sender_nid, j.content FROM events e JOIN event_json j ON j.event_nid = e.event_nid
        WHERE e.event_nid ${inList(nids)}`,
  );
  return new Map(
    rows.map((row) => [
      row.event_nid,
      { senderNid: row.sender_nid, membership: readMembership(JSON.parse(row.content) as JsonObject) ?? 'leave' },
    ]),
  );
}
