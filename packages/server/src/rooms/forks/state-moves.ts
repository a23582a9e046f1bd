import type { EventStore } from '../events/event-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { StateChange } from '../hooks.ts';
import { membershipChange, type MembershipTools } from '../membership/membership-changes.ts';
import type { MembershipChange } from '../membership/membership.ts';
import type { RoomStates, State } from '../state/index.ts';

export interface MoveTools extends MembershipTools {
  readonly events: EventStore;
  readonly states: RoomStates;
}

/** What a room's current state changed by. */
export interface StateMoves {
  readonly stateChanges: readonly StateChange[];
  readonly membershipChanges: readonly MembershipChange[];
}

/**
 * The changes from one current state of a room to the next, whatever brought them about: an event, or the resolution of forks.
 * @param own events of the same write, which cannot be read yet
 * @param position where in the events stream the changes come about
 */
export async function stateMoves(
  tools: MoveTools,
  roomNid: number,
  states: { readonly before: State; readonly after: State },
  { own, position }: { readonly own: readonly StoredEvent[]; readonly position: number },
): Promise<StateMoves> {
  const differences = await tools.states.tree.diff(roomNid, states.before, states.after);
  const ownByNid = new Map(own.map((event) => [event.nid, event]));
  const nids = new Set(differences.flatMap(({ before, after }) => [before ?? [], after ?? []].flat()));
  const stored = await tools.events.byNids([...nids].filter((nid) => !ownByNid.has(nid)));
  const eventOf = (nid: number | undefined): StoredEvent | undefined =>
    nid === undefined ? undefined : (ownByNid.get(nid) ?? stored.get(nid));
  const stateChanges: StateChange[] = [];
  const membershipChanges: MembershipChange[] = [];
  for (const difference of differences) {
    const [before, after] = [eventOf(difference.before), eventOf(difference.after)];
    const event = after ?? before;
    if (event?.stateKey === undefined) throw new Error(`an event in the state of room ${roomNid} is gone`);
    stateChanges.push({
      typeNid: difference.type,
      stateKeyNid: difference.stateKey,
      type: event.type,
      stateKey: event.stateKey,
      beforeNid: difference.before,
      after,
    });
    if (event.type !== 'm.room.member') continue;
    membershipChanges.push(await membershipChange(tools, { userNid: difference.stateKey, before, after }, position));
  }
  return { stateChanges, membershipChanges };
}
