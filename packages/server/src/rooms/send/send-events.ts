import { authorise, selectAuthEvents, type StateEvent } from '@myelin/protocol/auth-rules';
import { CanonicalJsonError } from '@myelin/protocol/canonical-json';
import { badJson, forbidden, tooLarge } from '@myelin/protocol/errors';
import {
  buildPdu,
  checkPduFormat,
  createEventIdOf,
  depthAfter,
  eventIdOf,
  hashAndSignPdu,
  redactsOf,
  referenceHash,
  roomEventFromPdu,
  tooLarge as tooLargeReason,
  type EventReference,
  type Pdu,
} from '@myelin/protocol/events';
import { assignedEventId, fitsInBytes, maxIdentifierBytes, type EventId, type ServerName } from '@myelin/protocol/identifiers';
import type { SigningKey } from '@myelin/protocol/signatures';
import { stateMapKey } from '@myelin/protocol/state-resolution';

import type { Clock } from '../../platform/clock.ts';
import type { Interner, Tx } from '../../platform/database/index.ts';
import type { Random } from '../../platform/random.ts';
import type { Stream, StreamSlot } from '../../platform/streams/index.ts';
import { awaitRedacted } from '../events/awaited-redactions.ts';
import { encodePdu } from '../events/event-codec.ts';
import type { PduStore } from '../events/pdu-store.ts';
import { membersAfter, persistEvents, type PersistPlan, type PersistTools } from '../events/persist-events.ts';
import { StoredEvent } from '../events/stored-event.ts';
import { authFacts } from '../forks/auth-facts.ts';
import { extremitiesAfter, extremitiesToName } from '../forks/forward-extremities.ts';
import type { StateResolver } from '../forks/resolve-states.ts';
import { stateMoves } from '../forks/state-moves.ts';
import type { RoomHooks, StateChange } from '../hooks.ts';
import { membershipChange } from '../membership/membership-changes.ts';
import type { MembershipChange } from '../membership/membership.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { ForwardExtremity, Room } from '../room.ts';
import { rootOf, type BuiltState, type RoomStates, type State, type StateRoot } from '../state/index.ts';
import { isDummy } from '../visibility/dummy-event.ts';
import type { EventDraft } from './event-draft.ts';
import { redactionTarget } from './redaction-target.ts';
import { strippedStateFor } from './stripped-state.ts';

/** What sending needs beside the tools of persisting. */
export interface SendTools extends PersistTools {
  readonly names: Interner;
  readonly states: RoomStates;
  readonly resolver: StateResolver;
  readonly pdus: PduStore;
  readonly stream: Stream;
  readonly clock: Clock;
  readonly random: Random;
  readonly serverName: ServerName;
  readonly signingKey: SigningKey;
}

/** More for the same transaction, once the events have their ids. */
export type Alongside = (tx: Tx, sent: readonly StoredEvent[]) => void;

/** Names of a draft as integers. */
export interface DraftNids {
  readonly typeNid: number;
  readonly senderNid: number;
  readonly stateKeyNid: number | undefined;
}

/** A draft that the hooks have let pass, with the content that they want it to have. Throws the MatrixError of the hook that refuses. */
export async function allowedDraft(hooks: RoomHooks, draft: EventDraft, room: RoomIdentity): Promise<EventDraft> {
  let { content } = draft;
  for (const hook of hooks.send) content = (await hook.beforeSend({ ...draft, content }, room))?.content ?? content;
  return content === draft.content ? draft : { ...draft, content };
}

/** The integers of a draft's names; new names are stored first, outside the room's turn. */
export async function internDraft(names: Interner, draft: EventDraft): Promise<DraftNids> {
  for (const text of [draft.type, draft.stateKey ?? '']) {
    // Neither UTF-8 nor a text column of a database can hold these.
    if (text.includes('\0') || !text.isWellFormed()) throw badJson('Event types and state keys must be text without U+0000');
    if (!fitsInBytes(text, maxIdentifierBytes)) throw tooLarge(`type and state_key may have ${maxIdentifierBytes} bytes at most`);
  }
  const typeNid = await names.idOf(draft.type);
  const senderNid = await names.idOf(draft.sender);
  const stateKeyNid = draft.stateKey === undefined ? undefined : await names.idOf(draft.stateKey);
  return { typeNid, senderNid, stateKeyNid };
}

/**
 * Appends local users' events to a room, all or none: builds, authorises, signs and persists them one upon the other. To be called in
 * the room's turn. Throws M_FORBIDDEN with the rule that says no, M_TOO_LARGE, M_BAD_JSON.
 */
export async function sendEvents(
  tools: SendTools,
  room: Room,
  drafts: readonly (EventDraft & DraftNids)[],
  alongside?: Alongside,
): Promise<{ sent: readonly StoredEvent[]; durable: Promise<void> }> {
  const slot = tools.stream.allocate(drafts.length);
  let plan: PersistPlan;
  try {
    plan = await planEvents(tools, room, drafts, slot, alongside);
  } catch (error) {
    slot.abandon();
    room.dropAtHand();
    tools.events.forgetAnnounced(slot.position, drafts.length);
    throw error;
  }
  const { durable } = await persistEvents(tools, room, plan);
  return { sent: plan.events.map(({ event }) => event), durable };
}

async function planEvents(
  tools: SendTools,
  room: Room,
  drafts: readonly (EventDraft & DraftNids)[],
  slot: StreamSlot,
  alongside: Alongside | undefined,
): Promise<PersistPlan> {
  const events: PersistPlan['events'][number][] = [];
  const membershipChanges: MembershipChange[] = [];
  const stateChanges: StateChange[] = [];
  const redactions: { redaction: StoredEvent; target: StoredEvent }[] = [];
  const strippedStates: { userNid: number; json: string }[] = [];
  const awaited: { nid: number; redacts: EventId }[] = [];
  /** Of the events made here, as room versions 1 and 2 refer to them. */
  const hashes = new Map<EventId, string>();
  /** States made here, by their roots. */
  const built = new Map<StateRoot, BuiltState>();
  const stateOf = (root: StateRoot): State => built.get(root) ?? root;
  let head = room.head;
  for (const [index, draft] of drafts.entries()) {
    const position = slot.position + index;
    const current = stateOf(head.root);
    const named = extremitiesToName(head.extremities);
    const before =
      named.length === head.extremities.length
        ? current
        : keep(
            built,
            await tools.resolver.resolve(
              room,
              named.map(({ stateRoot }) => stateOf(stateRoot)),
            ),
          );
    if (before !== current) room.dropAtHand();
    const { pdu, eventId, prevNids, authNids } = await buildEvent(tools, room, { named, state: before, hashes }, draft);
    if (room.rules.referencesCarryHashes) hashes.set(eventId, referenceHash(pdu, room.rules));
    const replaced = draft.stateKey === undefined ? undefined : await stateAt(tools, room, before, draft.type, draft.stateKey);
    const after =
      draft.stateKeyNid === undefined
        ? before
        : keep(
            built,
            await tools.states.tree.apply(room.nid, before, [
              { type: draft.typeNid, stateKey: draft.stateKeyNid, event: position },
            ]),
          );
    const last = { nid: position, eventId, depth: pdu.depth, stateRoot: rootOf(after) };
    const extremities = extremitiesAfter(head.extremities, new Set(prevNids.values()), last);
    const now =
      extremities.length === 1
        ? after
        : keep(
            built,
            await tools.resolver.resolve(
              room,
              extremities.map(({ stateRoot }) => stateOf(stateRoot)),
            ),
          );
    const nidOf = (id: EventId): number | undefined => authNids.get(id) ?? prevNids.get(id);
    const { contentJson, envelope } = encodePdu(pdu, room.rules, nidOf);
    const event = new StoredEvent(
      {
        nid: position,
        roomNid: room.nid,
        roomId: room.id,
        eventId,
        type: draft.type,
        sender: draft.sender,
        senderNid: draft.senderNid,
        stateKey: draft.stateKey,
        originServerTs: pdu.origin_server_ts,
        depth: pdu.depth,
        position,
        verdict: 'accepted',
        stateRoot: rootOf(after),
        roomRoot: rootOf(now) === rootOf(after) ? undefined : rootOf(now),
        replacesNid: replaced?.nid,
        redactedByNid: undefined,
        contentJson,
        envelope,
      },
      pdu.content,
    );
    // What follows in this write may ask for it, in the state or in a resolution of states.
    tools.events.announce(event);
    authNids.delete(createEventIdIn(room) ?? (await stateAt(tools, room, before, 'm.room.create', ''))?.eventId ?? eventId);
    events.push({ event, typeNid: draft.typeNid, stateKeyNid: draft.stateKeyNid, authNids: [...authNids.values()] });
    const changes: MembershipChange[] = [];
    if (before !== current || now !== after) {
      const own = events.map((written) => written.event);
      const moves = await stateMoves(tools, room.nid, { before: current, after: now }, { own, position });
      stateChanges.push(...moves.stateChanges);
      changes.push(...moves.membershipChanges);
    } else if (event.stateKey !== undefined && draft.stateKeyNid !== undefined) {
      room.keepAtHand(stateMapKey(event.type, event.stateKey), event);
      stateChanges.push({
        typeNid: draft.typeNid,
        stateKeyNid: draft.stateKeyNid,
        type: event.type,
        stateKey: event.stateKey,
        beforeNid: replaced?.nid,
        after: event,
      });
      if (event.type === 'm.room.member') {
        changes.push(await membershipChange(tools, { userNid: draft.stateKeyNid, before: replaced, after: event }, position));
      }
    }
    const lookup = async (type: string, key: string): Promise<StoredEvent | undefined> => {
      const own = type === event.type && key === event.stateKey ? event : undefined;
      return own ?? stateAt(tools, room, after, type, key);
    };
    const redacts = redactsOf(pdu, room.rules);
    const target = await redactionTarget(tools, room, event, redacts, lookup);
    if (target) redactions.push({ redaction: event, target });
    else if (redacts !== undefined) awaited.push({ nid: event.nid, redacts });
    for (const change of changes) {
      membershipChanges.push(change);
      if (!change.local || (change.membership !== 'invite' && change.membership !== 'knock')) continue;
      if (change.eventNid === event.nid) {
        strippedStates.push({ userNid: change.userNid, json: await strippedStateFor(lookup, event) });
      }
    }
    if (now !== after || before !== current) room.dropAtHand();
    head = { extremities, root: rootOf(now), members: membersAfter(head.members, changes) };
  }
  const stored = events.map(({ event }) => event);
  for (const { nid, redacts } of awaited) room.recent.redact(redacts, nid);
  return {
    events,
    head,
    batch: {
      room,
      events: stored.filter((event) => !isDummy(event)),
      position: slot.position + drafts.length - 1,
      stateChanges,
      membershipChanges,
      redactions,
    },
    alongside: [
      (tx) => {
        for (const state of statesToWrite(built, stored, head.root)) state.writeTo(tx);
        if (head.root !== room.head.root || stateChanges.length > 0) tools.states.moveCurrentRoot(tx, room.nid, head.root);
        for (const { nid, redacts } of awaited) awaitRedacted(tx, room, nid, redacts);
        alongside?.(tx, stored);
      },
    ],
    strippedStates,
    slot,
  };
}

/** Remembers a state that is not stored yet under its root. */
function keep(built: Map<StateRoot, BuiltState>, state: State): State {
  if (typeof state !== 'string') built.set(state.root, state);
  return state;
}

/** The states that the write needs, without those that are part of a later one. */
function statesToWrite(
  built: ReadonlyMap<StateRoot, BuiltState>,
  events: readonly StoredEvent[],
  current: StateRoot,
): BuiltState[] {
  const roots = new Set([...events.flatMap(({ stateRoot, roomRoot }) => [stateRoot, roomRoot]), current]);
  const needed: BuiltState[] = [];
  for (const state of [...built.values()].reverse()) {
    if (roots.has(state.root) && !needed.some(({ made }) => made.has(state.root))) needed.push(state);
  }
  return needed;
}

function createEventIdIn({ rules, id }: Room): EventId | undefined {
  return rules.roomIdIsCreateEventHash ? createEventIdOf(id) : undefined;
}

/** Builds one event on the head of the room, asks the rules, hashes and signs. To be called in the room's turn. */
export async function buildEvent(
  tools: SendTools,
  room: Room,
  { named, state, hashes }: { named: readonly ForwardExtremity[]; state: State; hashes: ReadonlyMap<EventId, string> },
  draft: EventDraft,
): Promise<{ pdu: Pdu; eventId: EventId; prevNids: Map<EventId, number>; authNids: Map<EventId, number> }> {
  const { rules } = room;
  const authEvents = new Map<string, StoredEvent>();
  for (const [type, stateKey] of selectAuthEvents({ ...draft, stateKey: draft.stateKey }, rules)) {
    const event = await stateAt(tools, room, state, type, stateKey);
    if (event) authEvents.set(stateMapKey(type, stateKey), event);
  }
  const prevNids = new Map(named.map(({ eventId, nid }) => [eventId, nid]));
  const authNids = new Map([...authEvents.values()].map(({ eventId, nid }) => [eventId, nid]));
  const unsigned = buildPdu(
    {
      type: draft.type,
      sender: draft.sender,
      roomId: rules.roomIdIsCreateEventHash && draft.type === 'm.room.create' ? undefined : room.id,
      stateKey: draft.stateKey,
      content: draft.content,
      prevEvents: await references(tools, room, hashes, [...prevNids.keys()]),
      authEvents: await references(tools, room, hashes, [...authNids.keys()]),
      depth: depthAfter(named.map(({ depth }) => depth)),
      originServerTs: draft.originServerTs ?? tools.clock.now(),
      redacts: draft.redacts,
      origin: draft.namesOrigin === true ? tools.serverName : undefined,
      eventId: rules.eventIds === 'assigned' ? assignedEventId(tools.random.token(24), tools.serverName) : undefined,
    },
    rules,
  );
  const pdu = sign(tools, unsigned, rules);
  const format = checkPduFormat(pdu, rules);
  if (!format.ok) {
    const excess = tooLargeReason(pdu, rules);
    throw excess === undefined ? badJson(format.reason) : tooLarge(excess);
  }
  const eventId = eventIdOf(pdu, rules);
  const event = roomEventFromPdu(pdu, rules, eventId);

  // The create event is not among a version 12 event's auth events, and the rules read it all the same.
  const create = authEvents.get(stateMapKey('m.room.create', '')) ?? (await stateAt(tools, room, state, 'm.room.create', ''));
  const lookup = (type: string, stateKey: string): StateEvent | undefined =>
    type === 'm.room.create' && stateKey === '' ? create : authEvents.get(stateMapKey(type, stateKey));
  const verdict = authorise(event, rules, lookup, {
    ...authFacts,
    // Our own signature is on everything we send.
    isSignedBy: (_, server) => server === tools.serverName,
  });
  if (!verdict.allowed) throw forbidden(verdict.reason);
  return { pdu, eventId, prevNids, authNids };
}

function sign(tools: SendTools, unsigned: ReturnType<typeof buildPdu>, rules: Room['rules']): Pdu {
  try {
    return hashAndSignPdu(unsigned, tools.serverName, tools.signingKey, rules);
  } catch (error) {
    if (error instanceof CanonicalJsonError) throw badJson(error.message);
    throw error;
  }
}

/** Room versions 1 and 2 name events together with their hashes. */
async function references(
  tools: SendTools,
  room: Room,
  known: ReadonlyMap<EventId, string>,
  eventIds: readonly EventId[],
): Promise<EventReference[]> {
  if (!room.rules.referencesCarryHashes) return eventIds.map((eventId) => ({ eventId }));
  const stored = await tools.pdus.referenceHashes(
    eventIds.filter((eventId) => !known.has(eventId)),
    room.rules,
  );
  return eventIds.map((eventId) => ({ eventId, sha256: known.get(eventId) ?? stored.get(eventId) }));
}

/** An entry of the state that is being built on, from memory where it was asked for before. */
async function stateAt(
  tools: SendTools,
  room: Room,
  state: State,
  type: string,
  stateKey: string,
): Promise<StoredEvent | undefined> {
  const key = stateMapKey(type, stateKey);
  const atHand = room.atHand(key);
  if (atHand.has) return atHand.event;
  const event = await tools.states.event(room.nid, state, type, stateKey);
  room.keepAtHand(key, event);
  return event;
}
