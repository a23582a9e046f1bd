import { authorise, checkAuthEvents, lookupAmong, type StateEvent } from '@myelin/protocol/auth-rules';
import { createEventIdOf, readCreate, roomEventFromPdu, roomIdOfCreate, type RoomEvent } from '@myelin/protocol/events';
import type { EventId, RoomId, ServerName } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';
import { signingKeyIds } from '@myelin/protocol/signatures';

import type { CheckedPdu } from '../receiving.ts';

/** What a resident server has answered to our join, with what passed the door. */
export interface JoinAnswer {
  readonly roomId: RoomId;
  readonly rules: RoomVersionRules;
  readonly joinEvent: CheckedPdu;
  readonly stateEvents: readonly CheckedPdu[];
  readonly authChain: readonly CheckedPdu[];
}

/** The part of an answer that holds. */
export interface AcceptedAnswer {
  readonly stateEvents: readonly CheckedPdu[];
  readonly authChain: readonly CheckedPdu[];
}

interface Known {
  readonly checked: CheckedPdu;
  readonly event: RoomEvent;
  allowed?: boolean;
}

/**
 * Holds an answer against the room version's rules: it has the room's create event, every event in it is allowed by its auth events,
 * all of which are there, and the join is allowed by the state. Events that are not allowed are left out with all that builds upon them.
 * Throws an Error with a sentence where the room cannot be entered on this answer.
 */
export function checkJoinAnswer(answer: JoinAnswer): AcceptedAnswer {
  const { roomId, rules, joinEvent, stateEvents, authChain } = answer;
  const known = new Map<EventId, Known>();
  for (const checked of [...authChain, ...stateEvents]) {
    if (known.has(checked.eventId)) continue;
    const event = roomEventFromPdu(checked.pdu, rules, checked.eventId);
    if (event.roomId === roomId && event.stateKey !== undefined) known.set(checked.eventId, { checked, event });
  }
  const create = checkCreate(answer, known);
  markAllowed(known, rules, create);

  const state = new Map<string, Known>();
  for (const { eventId } of stateEvents) {
    const found = known.get(eventId);
    if (!found?.allowed) continue;
    const place = JSON.stringify([found.event.type, found.event.stateKey]);
    if (state.has(place)) throw new Error(`the state has two events for ${place}`);
    state.set(place, found);
  }
  const join = roomEventFromPdu(joinEvent.pdu, rules, joinEvent.eventId);
  const byPlace = (type: string, stateKey: string): StateEvent | undefined => state.get(JSON.stringify([type, stateKey]))?.event;
  const verdict = authorise(join, rules, byPlace, signedBy(joinEvent));
  if (!verdict.allowed) throw new Error(`the state does not allow the join: ${verdict.reason}`);
  return {
    stateEvents: [...state.values()].map(({ checked }) => checked),
    authChain: authChain.filter(({ eventId }) => known.get(eventId)?.allowed),
  };
}

function checkCreate({ roomId, rules, stateEvents }: JoinAnswer, known: ReadonlyMap<EventId, Known>): RoomEvent {
  const found = stateEvents.find(({ pdu }) => pdu.type === 'm.room.create' && pdu.state_key === '');
  const create = found && known.get(found.eventId)?.event;
  if (!create) throw new Error('the state has no m.room.create event of this room');
  const { roomVersion } = readCreate(create.content);
  if (roomVersion !== rules.id) throw new Error(`the room has version ${roomVersion}, though ${rules.id} was said`);
  if (rules.roomIdIsCreateEventHash && roomIdOfCreate(create.eventId) !== roomId) {
    throw new Error(`${createEventIdOf(roomId)} would be this room's create event, not ${create.eventId}`);
  }
  return create;
}

/** Authorises events by their auth events, those first that others build upon; no recursion, for chains may be long. */
function markAllowed(known: ReadonlyMap<EventId, Known>, rules: RoomVersionRules, create: RoomEvent): void {
  const underWay = new Set<EventId>();
  for (const root of known.keys()) {
    const stack = [root];
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      const entry = known.get(id);
      if (!entry || entry.allowed !== undefined) {
        stack.pop();
        continue;
      }
      const missing = entry.event.authEvents.filter((authId) => known.get(authId)?.allowed === undefined);
      // One that is not there never will be, and one that waits for this event goes round in a circle.
      if (missing.some((authId) => !known.has(authId) || underWay.has(authId))) entry.allowed = false;
      else if (missing.length > 0) {
        underWay.add(id);
        stack.push(...missing);
        continue;
      } else entry.allowed = isAllowed(entry, known, rules, create);
      underWay.delete(id);
      stack.pop();
    }
  }
}

function isAllowed(entry: Known, known: ReadonlyMap<EventId, Known>, rules: RoomVersionRules, create: RoomEvent): boolean {
  const authEvents = entry.event.authEvents.flatMap((id) => known.get(id)?.event ?? []);
  if (!checkAuthEvents(entry.event, authEvents, rules, ({ eventId }) => known.get(eventId)?.allowed !== true).allowed)
    return false;
  const among = lookupAmong(authEvents);
  const lookup = (type: string, stateKey: string): StateEvent | undefined =>
    rules.roomIdIsCreateEventHash && type === 'm.room.create' && stateKey === '' ? create : among(type, stateKey);
  return authorise(entry.event, rules, lookup, {
    ...signedBy(entry.checked),
    // Who checked it when it was sent had the keys; those that the room names now may be others.
    verifyThirdPartySigned: () => true,
    createCarriesRoomId: entry.checked.pdu.room_id !== undefined,
  }).allowed;
}

/** The door lets nothing pass that lacks a signature of the server that lets a user in; here it must only be there. */
function signedBy({ pdu }: CheckedPdu): { isSignedBy: (event: RoomEvent, server: ServerName) => boolean } {
  return { isSignedBy: (_, server) => signingKeyIds(pdu, server).length > 0 };
}
