import { referencesOf } from '../../events/event-codec.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { ForwardExtremity, Room } from '../../room.ts';
import { stateTreeBefore } from '../../servers/state-before.ts';
import { emptyState } from '../../state/index.ts';
import { rootOf, type State, type StateChange, type StateKey, type StateRoot } from '../../state/index.ts';
import { roomEventOf } from '../door/check-format.ts';
import type { ReceiveTools } from '../receive-tools.ts';
import { authoriseByState } from '../turn/authorise-by-state.ts';

/** An event as it stands once all of the room's state is known. */
export interface Restated {
  readonly event: StoredEvent;
  /** Why it is rejected after all. */
  readonly reason?: string | undefined;
}

/**
 * Works out anew what became of the room while its members were not known: the state after each event since the join, from the whole
 * state before it. An event that is not allowed after all changes nothing any more. Events are to be given in the order of their
 * positions, in the room's turn.
 */
export class FullStates {
  readonly #tools: ReceiveTools;
  readonly #room: RoomIdentity;
  readonly #joinNid: number;
  /** What was known of the state before the join, and all of it. */
  readonly #known: State;
  readonly #whole: StateRoot;
  readonly restated = new Map<number, Restated>();

  private constructor(tools: ReceiveTools, room: RoomIdentity, joinNid: number, known: State, whole: StateRoot) {
    this.#tools = tools;
    this.#room = room;
    this.#joinNid = joinNid;
    this.#known = known;
    this.#whole = whole;
  }

  /** @param whole the whole state before the join, which is stored or in a write */
  static async begin(tools: ReceiveTools, room: RoomIdentity, join: StoredEvent, whole: StateRoot): Promise<FullStates> {
    const known = await stateTreeBefore(tools.states, join);
    if (known === undefined) throw new Error(`the join ${join.eventId} has no place`);
    return new FullStates(tools, room, join.nid, known, whole);
  }

  async add(inMemory: Room, event: StoredEvent): Promise<void> {
    const { states } = this.#tools;
    const before = await this.#before(event);
    const reason = await this.#reasonAgainst(event, before);
    const verdict = reason === undefined ? event.verdict : 'rejected';
    const place = event.stateKey === undefined ? undefined : await this.#placeOf(event);
    const changes = place && verdict !== 'rejected';
    const after = changes ? await states.tree.apply(this.#room.nid, before, [{ ...place, event: event.nid }]) : before;
    const replacesNid = changes ? await states.tree.get(this.#room.nid, before, place) : event.replacesNid;
    const stateRoot = this.#stored(inMemory, after);
    const roomState = event.roomRoot === undefined ? undefined : this.#stored(inMemory, await this.#overlaid(event.roomRoot));
    const roomRoot = roomState === stateRoot ? undefined : roomState;
    this.restated.set(event.nid, { event: event.with({ verdict, stateRoot, roomRoot, replacesNid }), reason });
  }

  /** The room's ends: in place of one that is rejected now, what it followed. */
  async extremities(before: readonly ForwardExtremity[]): Promise<ForwardExtremity[]> {
    const found = new Map<number, ForwardExtremity>();
    const waiting = before.map(({ nid }) => nid);
    const seen = new Set<number>();
    for (let nid = waiting.pop(); nid !== undefined; nid = waiting.pop()) {
      if (seen.has(nid)) continue;
      seen.add(nid);
      const event = this.restated.get(nid)?.event;
      if (!event) {
        const same = before.find((extremity) => extremity.nid === nid);
        if (same) found.set(nid, same);
      } else if (event.verdict === 'accepted') {
        const { eventId, depth, stateRoot = emptyState } = event;
        found.set(nid, { nid, eventId, depth, stateRoot });
      } else waiting.push(...(await this.#prevOf(event)).flatMap((prev) => prev?.nid ?? []));
    }
    return [...found.values()].sort((a, b) => a.nid - b.nid);
  }

  /** The state before an event: what its predecessors make of it or, where they are not here, what it was plus all that was not known. */
  async #before(event: StoredEvent): Promise<State> {
    if (event.nid === this.#joinNid) return this.#whole;
    const roots = (await this.#prevOf(event)).map((prev) => (prev?.position === undefined ? undefined : prev.stateRoot));
    const known = roots.filter((root) => root !== undefined);
    if (known.length > 0 && known.length === roots.length) return this.#tools.resolver.resolve(this.#room, known);
    const before = await stateTreeBefore(this.#tools.states, event);
    return before === undefined ? this.#whole : this.#overlaid(before);
  }

  /** The events that an event follows, as they stand now; undefined for one that is not here. */
  async #prevOf(event: StoredEvent): Promise<(StoredEvent | undefined)[]> {
    const { prev } = referencesOf(event.envelope, this.#room.rules);
    const byNid = await this.#tools.events.byNids(prev.filter((reference) => typeof reference === 'number'));
    const byId = await this.#tools.events.byIds(prev.filter((reference) => typeof reference !== 'number'));
    return prev.map((reference) => {
      const stored = typeof reference === 'number' ? byNid.get(reference) : byId.get(reference);
      return stored && (this.restated.get(stored.nid)?.event ?? stored);
    });
  }

  /** What a state had that was built on what was known, on top of all there is. */
  async #overlaid(state: State): Promise<State> {
    const { tree } = this.#tools.states;
    const differences = await tree.diff(this.#room.nid, this.#known, state);
    const changes: StateChange[] = [];
    for (const { type, stateKey, after } of differences) {
      const event = after === undefined ? undefined : await this.#standing(after);
      // One that is rejected now leaves what was there before.
      if (after !== undefined && event === undefined) continue;
      changes.push({ type, stateKey, event });
    }
    return tree.apply(this.#room.nid, this.#whole, changes);
  }

  /** An event of a state, or what it replaced where it is rejected now. */
  async #standing(nid: number): Promise<number | undefined> {
    const restated = this.restated.get(nid)?.event;
    if (restated?.verdict !== 'rejected') return nid;
    const stored = await this.#tools.events.byNid(nid);
    return stored?.replacesNid === undefined ? undefined : this.#standing(stored.replacesNid);
  }

  async #reasonAgainst(event: StoredEvent, before: State): Promise<string | undefined> {
    // The join was held against the state when that came.
    if (event.verdict === 'rejected' || event.nid === this.#joinNid) return undefined;
    const [pdu] = await this.#tools.pdus.pdusOf([event], this.#room.rules);
    if (!pdu) throw new Error(`the event ${event.eventId} is gone`);
    const verdict = await authoriseByState(
      this.#tools.states,
      this.#room,
      roomEventOf(pdu, this.#room.rules, event.eventId),
      before,
    );
    return verdict.allowed ? undefined : verdict.reason;
  }

  async #placeOf({ type, stateKey = '' }: StoredEvent): Promise<StateKey> {
    const [place] = await this.#tools.states.keysOf([[type, stateKey]]);
    if (!place) throw new Error(`a stored event has a type or state key without a number: ${type}`);
    return place;
  }

  /** Writes a state's nodes, so that it can be built on by its root. Whether they are written is seen at the end, in the same lane. */
  #stored(inMemory: Room, state: State): StateRoot {
    if (typeof state === 'string') return state;
    if (state.made.size > 0) {
      const durable = this.#tools.database.write((tx) => state.writeTo(tx), { lane: inMemory.lane });
      durable.catch(() => this.#tools.states.tree.forgetRoom(this.#room.nid));
      inMemory.holdUntil(durable);
    }
    return rootOf(state);
  }
}
