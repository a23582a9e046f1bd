import { forbidden, unknown as unknownError } from '@myelin/protocol/errors';
import type { RoomId, ServerName } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { membersAfter, persistEvents } from '../../events/persist-events.ts';
import { memberOf, type Member } from '../../membership/member.ts';
import type { PartialRoom } from '../../partial/index.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { Room } from '../../room.ts';
import { rootOf, type State } from '../../state/index.ts';
import { atTheDoor, type CheckedEvent } from '../door/at-the-door.ts';
import { stateOfStored } from '../gather/fetch-state-after.ts';
import { storeGiven } from '../gather/store-given.ts';
import { nidAmong } from '../outliers/store-outliers.ts';
import { internNames, storedFromPdu, type EventNames } from '../outliers/stored-from-pdu.ts';
import { receiveEvent } from '../receive-event.ts';
import type { ReceiveOutcome, ReceiveTools } from '../receive-tools.ts';
import type { GivenState, RawPdu } from '../remote-events.ts';
import { authEventIdsOf, authoriseByAuthEvents } from '../turn/authorise-by-auth-events.ts';
import { authoriseByState } from '../turn/authorise-by-state.ts';
import { gapsBehind, writeGaps } from '../turn/gaps.store.ts';
import { placeEvent } from '../turn/place-event.ts';
import { membersWhoCome } from './members-who-come.ts';
import { otherChanges } from './other-changes.ts';

/** What a server gets that joins a room; https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid */
export interface Entrance {
  readonly roomId: RoomId;
  readonly rules: RoomVersionRules;
  readonly origin: ServerName;
  /** The state before the join, and what it rests on. */
  readonly given: GivenState;
  /** The rest of what the other server gave; asked for when the state is read. Rejects where it is nonsense. */
  rest(): Promise<EntranceRest>;
}

/** What stands in the answer beside the state. */
export interface EntranceRest {
  /** The join of a user of this server. */
  readonly joinEvent: RawPdu;
  /** Where the state lacks members: the servers that are in the room. What it says of members cannot be held against the join. */
  readonly partial?: { readonly servers: readonly ServerName[] } | undefined;
}

const badGateway = 502;
/** More servers than any room has; each costs a row and a place in every list of those whom its events are for. */
const mostServers = 20_000;

/**
 * Enters a room through another server, for the first time or anew. The state's events are stored in batches; the join makes the room's
 * new head in one write, so that a crash leaves either no entrance or a whole one. What this server had of the room before stays.
 * Throws M_FORBIDDEN where the join is not allowed by what that server gave, M_UNKNOWN where it gave nonsense.
 */
export async function enterRoom(tools: ReceiveTools, room: RoomIdentity, entrance: Entrance): Promise<void> {
  const stored = await storeGiven(tools, room, entrance.given);
  const { joinEvent, partial } = await entrance.rest();
  const [join] = await atTheDoor(tools.network.verifier, room, [joinEvent]);
  if (!join?.ok) throw unknownError(`The join is no event of the room: ${join?.reason ?? 'there is none'}`, badGateway);
  const before = await stateOfStored(tools, room, stored);
  if (before === undefined) throw unknownError('The other server gave two events for one part of the state', badGateway);
  const { members } = stored;
  const create = await tools.states.event(room.nid, before, 'm.room.create', '');
  const version = create?.content['room_version'] ?? '1';
  if (!create || version !== room.rules.id)
    throw unknownError('The other server did not give the room as it was created', badGateway);

  const names = (await internNames(tools.names, [join]))(join);
  const lacking = partial && (await lackingRoom(tools, room, entrance.origin, partial.servers));
  const entered = await tools.registry.inTurn(room, async (inMemory) => {
    const isInside = (await tools.memberships.localMembers(room.nid)).size > 0;
    if (!isInside) return enter(tools, room, inMemory, join, { names, before, members, lacking });
    // A state without members says nothing to a room that has them.
    return lacking && !tools.partial.of(room.nid) ? undefined : joinOthers(tools, room, inMemory, join, { names, before });
  });
  if (entered) await entered.durable;
  else await joinLater(tools, room, join, entrance.origin);
}

/** What is to be written down of a room whose members come later. */
interface LackingRoom {
  readonly room: Pick<PartialRoom, 'origin' | 'servers'>;
  readonly nids: { readonly origin: number; readonly servers: readonly number[] };
}

async function lackingRoom(
  tools: ReceiveTools,
  { roomId }: RoomIdentity,
  origin: ServerName,
  named: readonly ServerName[],
): Promise<LackingRoom> {
  if (named.length > mostServers)
    tools.logger.warn({ roomId, origin }, 'a room was entered that is said to have too many servers');
  const servers = new Set([origin, ...named.slice(0, mostServers)]);
  servers.delete(tools.serverName);
  const room = { origin, servers };
  return { room, nids: await tools.partial.nidsOf(room) };
}

/** Somebody of this server has come in meanwhile: the join is an event like any other then. */
async function joinOthers(
  tools: ReceiveTools,
  identity: RoomIdentity,
  room: Room,
  join: CheckedEvent,
  { names, before }: { readonly names: EventNames; readonly before: State },
): Promise<{ durable: Promise<void> }> {
  const claimed = new Map(join.event.prevEvents.map((eventId) => [eventId, before]));
  const placement = await placeEvent(tools, identity, room, join, { names, claimed, historicalPosition: undefined });
  if (!placement.done) throw unknownError(`The join names events that nobody gave: ${placement.missing.join(', ')}`, badGateway);
  throwUnlessIn(placement.outcome);
  return { durable: placement.durable };
}

/** The same where the state that came with the join is of no use: what lies before it is asked for as for any event. */
async function joinLater(tools: ReceiveTools, room: RoomIdentity, join: CheckedEvent, origin: ServerName): Promise<void> {
  const { outcome, durable } = await receiveEvent(tools, room, join, { origin });
  await durable;
  throwUnlessIn(outcome);
}

function throwUnlessIn(outcome: ReceiveOutcome): void {
  if (outcome.outcome === 'rejected' || outcome.outcome === 'soft-failed') throw forbidden(outcome.reason);
  if (outcome.outcome === 'waiting') throw unknownError(`The join cannot be understood: ${outcome.reason}`, badGateway);
}

async function enter(
  tools: ReceiveTools,
  identity: RoomIdentity,
  room: Room,
  join: CheckedEvent,
  {
    names,
    before,
    members,
    lacking,
  }: {
    readonly names: EventNames;
    readonly before: State;
    readonly members: ReadonlyMap<number, Member>;
    readonly lacking: LackingRoom | undefined;
  },
): Promise<{ durable: Promise<void> }> {
  const { event, eventId } = join;
  const place = { type: names.typeNid, stateKey: names.stateKeyNid ?? 0 };
  const near = await tools.events.byIds([...new Set([eventId, ...authEventIdsOf(identity, event), ...event.prevEvents])]);
  const known = near.get(eventId);
  if (known?.position !== undefined) return { durable: Promise.resolve() };
  const byAuthEvents = authoriseByAuthEvents(identity, event, (id) => near.get(id));
  if (!byAuthEvents.allowed) throw forbidden(byAuthEvents.reason);
  const byState = lacking ? byAuthEvents : await authoriseByState(tools.states, identity, event, before);
  if (!byState.allowed) throw forbidden(byState.reason);

  const slot = tools.stream.allocate(1);
  const nid = known?.nid ?? slot.position;
  const partial = lacking && { ...lacking.room, roomNid: room.nid, joinNid: nid, joinPosition: slot.position };
  try {
    const after = await tools.states.tree.apply(room.nid, before, [{ ...place, event: nid }]);
    const replacedNid = await tools.states.tree.get(room.nid, before, place);
    const { event: stored, ...written } = storedFromPdu(
      identity,
      join,
      names,
      {
        nid,
        position: slot.position,
        verdict: 'accepted',
        stateRoot: rootOf(after),
        roomRoot: undefined,
        replacesNid: replacedNid === nid ? undefined : replacedNid,
      },
      nidAmong(near, identity),
    );
    const { position, stateRoot, replacesNid } = stored;
    const placed = known ? known.with({ position, verdict: 'accepted', stateRoot, replacesNid }) : stored;
    tools.events.announce(placed);
    const differences = await tools.states.tree.diff(room.nid, room.head.root, after);
    const memberType = await tools.names.idOf('m.room.member');
    const membershipChanges = await membersWhoCome(tools, room, {
      // Who is not mentioned in a state without members is not gone for that.
      differences: differences.filter(({ type, after }) => type === memberType && (!lacking || after !== undefined)),
      atHand: new Map([...members, [nid, memberOf(placed)]]),
      position: slot.position,
    });
    const others = differences.filter(({ type }) => type !== memberType);
    const stateChanges = await otherChanges(tools, others);
    const head = {
      extremities: [{ nid, eventId, depth: event.depth, stateRoot: rootOf(after) }],
      root: rootOf(after),
      members: membersAfter(room.head.members, membershipChanges),
    };
    const gaps = gapsBehind(event.prevEvents, near);
    room.recent.follow(gaps);
    room.dropAtHand();
    const { durable } = await persistEvents(tools, room, {
      events: known ? [] : [{ ...written, event: stored }],
      placed: known ? [{ event: placed }] : [],
      head,
      batch: { room, events: [placed], stateChanges, membershipChanges, redactions: [] },
      alongside: [
        (tx) => {
          after.writeTo(tx);
          writeGaps(tx, room.nid, { nid, eventId }, gaps);
          tools.states.moveCurrentRoot(tx, room.nid, head.root);
          if (partial) tools.partial.enter(tx, partial, lacking.nids);
          else tools.partial.forget(tx, room.nid);
        },
      ],
      strippedStates: [],
      slot,
    });
    if (partial) durable.catch(() => tools.partial.entranceFailed(partial));
    return { durable };
  } catch (error) {
    slot.abandon();
    tools.events.forgetAnnounced(nid, 1);
    throw error;
  }
}
