import type { Verdict } from '@myelin/protocol/auth-rules';
import { forbidden } from '@myelin/protocol/errors';
import type { EventId } from '@myelin/protocol/identifiers';

import { awaitRedacted } from '../../events/awaited-redactions.ts';
import { membersAfter, persistEvents, type PersistPlan } from '../../events/persist-events.ts';
import type { StoredEvent, EventVerdict } from '../../events/stored-event.ts';
import { extremitiesAfter } from '../../forks/forward-extremities.ts';
import { stateMoves, type StateMoves } from '../../forks/state-moves.ts';
import { membershipChange } from '../../membership/membership-changes.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { Room, RoomHead } from '../../room.ts';
import type { Alongside } from '../../send/send-events.ts';
import { strippedStateFor } from '../../send/stripped-state.ts';
import { emptyState, rootOf, type State, type StateRoot } from '../../state/index.ts';
import { isDummy } from '../../visibility/dummy-event.ts';
import type { CheckedEvent } from '../door/at-the-door.ts';
import { outOfBandAmong } from '../enter/out-of-band.store.ts';
import { nidAmong } from '../outliers/store-outliers.ts';
import { storedFromPdu, type EventNames } from '../outliers/stored-from-pdu.ts';
import type { ReceiveOutcome, ReceiveTools } from '../receive-tools.ts';
import { redactionsWith, type Redactions } from './apply-redactions.ts';
import { authEventIdsOf, authoriseByAuthEvents } from './authorise-by-auth-events.ts';
import { authoriseByState, membersAmong } from './authorise-by-state.ts';
import { followedBy } from './followed-by.ts';
import { gapsBehind, isGap, writeGaps } from './gaps.store.ts';
import { resolveStateBefore, type ClaimedStates } from './resolve-state-before.ts';

/** How an event comes into the room. */
export interface Arrival {
  readonly names: EventNames;
  readonly claimed: ClaimedStates;
  /** Its place in history, before all that this server has had; undefined for an event that happens now. */
  readonly historicalPosition: number | undefined;
  /** Why somebody whom the room or this server asks about events does not want clients to get this one. */
  readonly objection?: string | undefined;
  /** Present for an event of a local user that waited for a signature. It is accepted, or nothing is written and M_FORBIDDEN thrown. */
  readonly sending?: { readonly alongside: Alongside | undefined };
}

/** `missing`: between gathering and this turn something went, or was never there; it is to be gathered once more. */
export type Placement =
  | { readonly done: true; readonly outcome: ReceiveOutcome; readonly durable: Promise<void> }
  | { readonly done: false; readonly missing: readonly EventId[] };

/**
 * The checks that need the room, and what follows from them, in the room's turn: nothing here waits for another server.
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export async function placeEvent(
  tools: ReceiveTools,
  identity: RoomIdentity,
  room: Room,
  checked: CheckedEvent,
  arrival: Arrival,
): Promise<Placement> {
  const { event, eventId } = checked;
  const authEventIds = authEventIdsOf(identity, event);
  const near = await tools.events.byIds([...new Set([eventId, ...authEventIds, ...event.prevEvents])]);
  const known = near.get(eventId);
  if (known && (known.position !== undefined || known.verdict === 'rejected')) {
    return { done: true, outcome: { outcome: 'known' }, durable: Promise.resolve() };
  }
  const missingAuth = authEventIds.filter((id) => !near.has(id));
  if (missingAuth.length > 0) return { done: false, missing: missingAuth };
  // One that came without its room is to be stored anew, under another number, before it gets its place.
  if (known && (await outOfBandAmong(tools.database, [known])).size > 0) return { done: false, missing: [eventId] };

  const before = await resolveStateBefore(tools.resolver, identity, event.prevEvents, near, arrival.claimed);
  if (!before.ok) return { done: false, missing: before.missing };
  const [verdict, reason] = await judge(tools, identity, room, checked, { near, before: before.state, arrival });
  if (arrival.sending && verdict !== 'accepted') throw forbidden(reason ?? 'The room does not allow this event any more');

  const slot = tools.stream.allocate(1);
  try {
    const plan = await planPlacement(tools, identity, room, checked, {
      arrival,
      near,
      known,
      before: before.state,
      verdict,
      reason,
      slot,
    });
    const { durable } = await persistEvents(tools, room, plan);
    const outcome: ReceiveOutcome =
      verdict === 'accepted' ? { outcome: 'accepted' } : { outcome: verdict, reason: reason ?? 'no reason is known' };
    return { done: true, outcome, durable };
  } catch (error) {
    slot.abandon();
    room.dropAtHand();
    tools.events.forgetAnnounced(known?.nid ?? slot.position, 1);
    throw error;
  }
}

type Judged = readonly [verdict: EventVerdict, reason: string | undefined];

/** Checks 4 to 6, and the outcome of the seventh, which was made before the turn. */
async function judge(
  tools: ReceiveTools,
  identity: RoomIdentity,
  room: Room,
  { event }: CheckedEvent,
  at: { near: ReadonlyMap<EventId, StoredEvent>; before: State; arrival: Arrival },
): Promise<Judged> {
  if (event.type !== 'm.room.create' && event.prevEvents.length === 0) return ['rejected', 'the event follows no other'];
  for (const eventId of event.prevEvents) {
    const prev = at.near.get(eventId);
    if (prev && prev.roomNid !== identity.nid) return ['rejected', `the event follows ${eventId} of another room`];
  }
  const rejected = (verdict: Verdict): verdict is Extract<Verdict, { allowed: false }> => !verdict.allowed;
  const byAuthEvents = authoriseByAuthEvents(identity, event, (eventId) => at.near.get(eventId));
  if (rejected(byAuthEvents)) return ['rejected', byAuthEvents.reason];
  const isPartial = tools.partial.of(room.nid) !== undefined;
  const instead = isPartial ? membersAmong(authEventIdsOf(identity, event).flatMap((eventId) => at.near.get(eventId) ?? [])) : [];
  const byState = await authoriseByState(tools.states, identity, event, at.before, instead);
  // A state that lacks members may have been resolved wrongly: what it refuses is looked at again when it is whole.
  if (rejected(byState)) return [isPartial ? 'soft-failed' : 'rejected', byState.reason];
  // History is not held against what the room is now, and the first event of all has nothing to be held against.
  const { objection, historicalPosition } = at.arrival;
  const isHeldAgainstNow = historicalPosition === undefined && room.head.extremities.length > 0;
  if (isHeldAgainstNow && rootOf(at.before) !== room.head.root) {
    const byCurrentState = await authoriseByState(tools.states, identity, event, room.head.root, instead);
    if (rejected(byCurrentState)) return ['soft-failed', byCurrentState.reason];
  }
  return objection === undefined ? ['accepted', undefined] : ['soft-failed', objection];
}

interface Judgement {
  readonly arrival: Arrival;
  readonly near: ReadonlyMap<EventId, StoredEvent>;
  readonly known: StoredEvent | undefined;
  readonly before: State;
  readonly verdict: EventVerdict;
  readonly reason: string | undefined;
  readonly slot: PersistPlan['slot'];
}

async function planPlacement(
  tools: ReceiveTools,
  identity: RoomIdentity,
  room: Room,
  checked: CheckedEvent,
  { arrival, near, known, before, verdict, reason, slot }: Judgement,
): Promise<PersistPlan> {
  const { event, eventId } = checked;
  const { names } = arrival;
  const nid = known?.nid ?? slot.position;
  const isHistorical = arrival.historicalPosition !== undefined;
  const isStateChange = names.stateKeyNid !== undefined && verdict !== 'rejected';
  const place = names.stateKeyNid === undefined ? undefined : { type: names.typeNid, stateKey: names.stateKeyNid };
  const replacedNid = place && isStateChange ? await tools.states.tree.get(room.nid, before, place) : undefined;
  const after = place && isStateChange ? await tools.states.tree.apply(room.nid, before, [{ ...place, event: nid }]) : before;

  const { event: stored, ...written } = storedFromPdu(
    identity,
    checked,
    names,
    {
      nid,
      position: arrival.historicalPosition ?? slot.position,
      verdict,
      reason,
      stateRoot: rootOf(after),
      roomRoot: undefined,
      replacesNid: replacedNid === nid ? undefined : replacedNid,
    },
    nidAmong(near, identity),
  );
  const { position, stateRoot, replacesNid } = stored;
  // As an outlier it may have been redacted already.
  const inItsPlace = known ? known.with({ position, verdict, stateRoot, replacesNid }) : stored;
  // The resolution of states may ask for it before it is stored, and for its state.
  tools.events.announce(inItsPlace);
  const stateOf = (root: StateRoot): State => (root === rootOf(after) ? after : root);
  const extremities =
    verdict === 'accepted' && !isHistorical
      ? await extremitiesWith(tools, identity, room, { event: inItsPlace, prevEvents: event.prevEvents, near })
      : room.head.extremities;
  const now =
    extremities === room.head.extremities
      ? room.head.root
      : await tools.resolver.resolve(
          room,
          extremities.map((extremity) => stateOf(extremity.stateRoot)),
        );
  // An event of the past says nothing about the room of its time but its own state.
  const roomRoot = isHistorical || rootOf(now) === rootOf(after) ? undefined : rootOf(now);
  const placed = inItsPlace.with({ roomRoot });
  tools.events.announce(placed);
  const moves = await movesOf(tools, room, { event: placed, names, replacedNid, before, after, now, position: slot.position });
  const head: RoomHead = { extremities, root: rootOf(now), members: membersAfter(room.head.members, moves.membershipChanges) };
  const redactions: Redactions =
    verdict === 'accepted'
      ? await redactionsWith(tools, room, placed, event.redacts, after)
      : { applied: [], asClientsGetIt: placed };
  const gaps = verdict === 'accepted' ? gapsBehind(event.prevEvents, near) : [];
  room.recent.follow(gaps);
  if (redactions.awaits !== undefined) room.recent.redact(redactions.awaits, nid);
  if (rootOf(now) !== room.head.root || moves.stateChanges.length > 0) room.dropAtHand();

  return {
    events: known ? [] : [{ ...written, event: placed }],
    placed: known ? [{ event: placed, reason }] : [],
    head,
    batch: {
      room,
      events: verdict === 'accepted' && !isDummy(placed) ? [redactions.asClientsGetIt] : [],
      position: slot.position,
      ...moves,
      redactions: redactions.applied,
      ...(isHistorical && { historical: true }),
    },
    alongside: [
      (tx) => {
        for (const state of new Set([after, now])) if (typeof state !== 'string') state.writeTo(tx);
        writeGaps(tx, room.nid, { nid, eventId }, gaps);
        if (redactions.awaits !== undefined) awaitRedacted(tx, room, nid, redactions.awaits);
        if (head.root !== room.head.root || moves.stateChanges.length > 0) tools.states.moveCurrentRoot(tx, room.nid, head.root);
        arrival.sending?.alongside?.(tx, [placed]);
      },
    ],
    strippedStates: await strippedStatesOf(tools, room, placed, after, moves),
    slot,
  };
}

/** The events that nothing follows, once this one is in its place. */
async function extremitiesWith(
  tools: ReceiveTools,
  identity: RoomIdentity,
  room: Room,
  { event, prevEvents, near }: { event: StoredEvent; prevEvents: readonly EventId[]; near: ReadonlyMap<EventId, StoredEvent> },
): Promise<RoomHead['extremities']> {
  const { nid, eventId, depth, stateRoot = emptyState } = event;
  const followed = await followedBy(tools.events, identity, near, prevEvents);
  // One that fills a gap has events after it already.
  const isFollowed = await isGap(tools.database, room, eventId);
  return extremitiesAfter(room.head.extremities, followed, isFollowed ? undefined : { nid, eventId, depth, stateRoot });
}

interface Move {
  readonly event: StoredEvent;
  readonly names: EventNames;
  readonly replacedNid: number | undefined;
  readonly before: State;
  readonly after: State;
  readonly now: State;
  readonly position: number;
}

/** What of the room's current state changes. In a room without forks that is the event itself; elsewhere the states are compared. */
async function movesOf(tools: ReceiveTools, room: Room, move: Move): Promise<StateMoves> {
  const { event, names, before, after, now, position } = move;
  const current = room.head.root;
  if (rootOf(now) === current) return { stateChanges: [], membershipChanges: [] };
  if (
    rootOf(before) !== current ||
    rootOf(now) !== rootOf(after) ||
    event.stateKey === undefined ||
    names.stateKeyNid === undefined
  ) {
    return stateMoves(tools, room.nid, { before: current, after: now }, { own: [event], position });
  }
  const replaced = move.replacedNid === undefined ? undefined : await tools.events.byNid(move.replacedNid);
  const { type, stateKey } = event;
  const isMember = type === 'm.room.member';
  const member = { userNid: names.stateKeyNid, before: replaced, after: event };
  return {
    stateChanges: [
      { typeNid: names.typeNid, stateKeyNid: names.stateKeyNid, type, stateKey, beforeNid: move.replacedNid, after: event },
    ],
    membershipChanges: isMember ? [await membershipChange(tools, member, position)] : [],
  };
}

/** What a local user may see of the room whom this event invites, or whose knock it is. */
async function strippedStatesOf(
  tools: ReceiveTools,
  room: Room,
  event: StoredEvent,
  after: State,
  { membershipChanges }: StateMoves,
): Promise<PersistPlan['strippedStates']> {
  const change = membershipChanges.find(({ eventNid, local }) => local && eventNid === event.nid);
  if (change?.membership !== 'invite' && change?.membership !== 'knock') return [];
  const json = await strippedStateFor((type, stateKey) => tools.states.event(room.nid, after, type, stateKey), event);
  return [{ userNid: change.userNid, json }];
}
