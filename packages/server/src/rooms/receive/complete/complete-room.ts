import type { ServerName } from '@myelin/protocol/identifiers';

import { sql } from '../../../platform/database/index.ts';
import { membersAfter, persistEvents } from '../../events/persist-events.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import type { Member } from '../../membership/member.ts';
import { membershipEventsOfRoom } from '../../membership/membership-store.ts';
import type { PartialRoom } from '../../partial/index.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { Room } from '../../room.ts';
import { rootOf, type State, type StateDifference } from '../../state/index.ts';
import { roomEventOf } from '../door/check-format.ts';
import { membersWhoCome } from '../enter/members-who-come.ts';
import { otherChanges } from '../enter/other-changes.ts';
import { fetchWholeStateBefore, storedStateBefore, type WholeState } from '../gather/fetch-state-after.ts';
import type { ReceiveTools } from '../receive-tools.ts';
import { authoriseByState } from '../turn/authorise-by-state.ts';
import { FullStates } from './full-states.ts';

/** Events are gone through so many at a time: others of the room have their turns in between. */
const eventsAtOnce = 50;

/** What asking one server for the members came to. */
export type Completion = 'complete' | 'not given' | 'over';

/**
 * Gets the whole state of a room that was entered without its members, from one server, and makes it the room's: in one write, after
 * which the room is like any other. What has been stored by then stays where it does not come to that.
 * @param mayBeHere all of the state may be here already, so that its ids are asked for first
 */
export async function completeRoom(
  tools: ReceiveTools,
  identity: RoomIdentity,
  partial: PartialRoom,
  { server, mayBeHere }: { readonly server: ServerName; readonly mayBeHere: boolean },
): Promise<Completion> {
  const join = await tools.events.byNid(partial.joinNid);
  if (!join) throw new Error(`the join number ${partial.joinNid} is gone`);
  const stored = mayBeHere ? await storedStateBefore(tools, identity, join.eventId, server) : undefined;
  const whole = stored
    ? { state: stored, members: new Map<number, Member>() }
    : await fetchWholeStateBefore(tools, identity, join.eventId, server);
  if (whole === undefined) return 'not given';
  const fault = await faultOf(tools, identity, join, whole.state);
  if (fault !== undefined) {
    tools.logger.warn({ roomId: identity.roomId, server, reason: fault }, "a state that cannot be the room's was left aside");
    return 'not given';
  }
  return restate(tools, identity, partial, join, whole);
}

/** Why this cannot be the state that the join came upon. */
async function faultOf(tools: ReceiveTools, room: RoomIdentity, join: StoredEvent, whole: State): Promise<string | undefined> {
  const create = await tools.states.event(room.nid, whole, 'm.room.create', '');
  if (!create || (create.content['room_version'] ?? '1') !== room.rules.id) return 'it is not the room as it was created';
  const [pdu] = await tools.pdus.pdusOf([join], room.rules);
  if (!pdu) return 'the join is gone';
  const verdict = await authoriseByState(tools.states, room, roomEventOf(pdu, room.rules, join.eventId), whole);
  return verdict.allowed ? undefined : `it does not let the join in: ${verdict.reason}`;
}

async function restate(
  tools: ReceiveTools,
  identity: RoomIdentity,
  partial: PartialRoom,
  join: StoredEvent,
  { state: whole, members }: WholeState,
): Promise<Completion> {
  await tools.registry.inTurn(identity, async (room) => {
    if (typeof whole === 'string') return;
    await tools.database.write((tx) => whole.writeTo(tx), { lane: room.lane });
  });
  const full = await FullStates.begin(tools, identity, join, rootOf(whole));
  for (;;) {
    const ended = await tools.registry.inTurn(identity, async (room) => {
      if (tools.partial.of(identity.nid) !== partial) return { completion: 'over' as const, durable: Promise.resolve() };
      const nids = await eventsSince(tools, room, partial, full);
      const some = nids.slice(0, eventsAtOnce);
      for (const event of await tools.events.listByNids(some)) await full.add(room, event);
      if (some.length < nids.length) return undefined;
      return { completion: 'complete' as const, ...(await persist(tools, room, partial, { full, members })) };
    });
    if (!ended) continue;
    await ended.durable;
    return ended.completion;
  }
}

/** The events that have got a place since the join and were not gone through. All of them are committed. */
async function eventsSince(tools: ReceiveTools, room: Room, { joinPosition }: PartialRoom, full: FullStates): Promise<number[]> {
  // What waits for its commit cannot be read.
  await room.lastWrite;
  const rows = await tools.database.all<{ event_nid: number }>(
    sql`SELECT event_nid FROM events WHERE room_nid = ${room.nid} AND position >= ${joinPosition} ORDER BY position`,
  );
  return rows.flatMap(({ event_nid: nid }) => (full.restated.has(nid) ? [] : nid));
}

/** In the room's turn: the last write of the room as a partial one. */
async function persist(
  tools: ReceiveTools,
  room: Room,
  partial: PartialRoom,
  { full, members }: { readonly full: FullStates; readonly members: WholeState['members'] },
): Promise<{ durable: Promise<void> }> {
  const extremities = await full.extremities(room.head.extremities);
  const now = await tools.resolver.resolve(
    room,
    extremities.map(({ stateRoot }) => stateRoot),
  );
  const slot = tools.stream.allocate(1);
  try {
    const memberType = await tools.names.idOf('m.room.member');
    const membershipChanges = await membersWhoCome(tools, room, {
      differences: await membersWhoDiffer(tools, room, now, memberType),
      atHand: members,
      position: slot.position,
      // They were there before this server was; whoever asks who was in the room at an event counts by this.
      joinPosition: partial.joinPosition,
    });
    const differences = await tools.states.tree.diff(room.nid, room.head.root, now);
    const stateChanges = await otherChanges(
      tools,
      differences.filter(({ type }) => type !== memberType),
    );
    room.dropAtHand();
    return await persistEvents(tools, room, {
      events: [],
      placed: [...full.restated.values()],
      head: { extremities, root: rootOf(now), members: membersAfter(room.head.members, membershipChanges) },
      batch: { room, events: [], stateChanges, membershipChanges, redactions: [] },
      alongside: [
        (tx) => {
          if (typeof now !== 'string') now.writeTo(tx);
          tools.states.moveCurrentRoot(tx, room.nid, rootOf(now));
          tools.partial.complete(tx, room.nid, slot.position);
        },
      ],
      strippedStates: [],
      slot,
    });
  } catch (error) {
    slot.abandon();
    throw error;
  }
}

/** Where the memberships that were known of the room are not those of its state. */
async function membersWhoDiffer(tools: ReceiveTools, room: Room, state: State, memberType: number): Promise<StateDifference[]> {
  const known = await membershipEventsOfRoom(tools.database, room.nid);
  const differences: StateDifference[] = [];
  for (const { stateKey, event } of await tools.states.tree.entries(room.nid, state, 'members')) {
    const before = known.get(stateKey);
    known.delete(stateKey);
    // Whom a resolution had taken away counts as gone, by the event that may be in force again.
    const isSame = before?.eventNid === event && before.membership !== 'leave';
    if (!isSame) differences.push({ type: memberType, stateKey, before: before?.eventNid, after: event });
  }
  for (const [stateKey, { eventNid, membership }] of known) {
    if (membership !== 'leave') differences.push({ type: memberType, stateKey, before: eventNid, after: undefined });
  }
  return differences;
}
