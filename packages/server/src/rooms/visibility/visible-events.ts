import { readHistoryVisibility, type HistoryVisibility } from '@myelin/protocol/events/content';

import { sql, type Database } from '../../platform/database/index.ts';
import type { EventStore } from '../events/event-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomHooks } from '../hooks.ts';
import { membershipCode, membershipIn, type Membership } from '../membership/membership.ts';
import type { Memberships } from '../membership/memberships.ts';
import { emptyState, type RoomStates, type StateRoot } from '../state/index.ts';
import type { Viewer } from '../viewer.ts';
import { maySeeHistory } from './history-visibility.ts';

/** An event that the viewer may see, and what the viewer was to the room at that moment (`unsigned.membership`). */
export interface VisibleEvent {
  readonly event: StoredEvent;
  readonly membership: Membership;
}

interface FactsAtState {
  readonly visibility: HistoryVisibility;
  readonly membership: Membership;
}

/** Decides who may see which event; every path on which events reach a client passes here. */
export class Visibility {
  readonly #database: Database;
  readonly #events: EventStore;
  readonly #states: RoomStates;
  readonly #memberships: Memberships;
  readonly #hooks: RoomHooks;

  constructor(needs: { database: Database; events: EventStore; states: RoomStates; memberships: Memberships; hooks: RoomHooks }) {
    this.#hooks = needs.hooks;
    this.#database = needs.database;
    this.#events = needs.events;
    this.#states = needs.states;
    this.#memberships = needs.memberships;
  }

  /**
   * Those of a room's events that the viewer may see, in their order. The work is one look-up of two state entries for each different
   * state among the events.
   * https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
   */
  async visibleTo(viewer: Viewer, roomNid: number, events: readonly StoredEvent[]): Promise<VisibleEvent[]> {
    if (events.length === 0) return [];
    const joinedUntil = await this.#joinedUntil(viewer.userNid, roomNid);
    const byRoot = new Map<StateRoot, Promise<FactsAtState>>();
    const factsAt = (root: StateRoot): Promise<FactsAtState> => {
      let facts = byRoot.get(root);
      if (!facts) byRoot.set(root, (facts = this.#factsAt(viewer, roomNid, root)));
      return facts;
    };
    const ignored = await this.#hooks.ignoredUsers(viewer.userNid);
    const visible: VisibleEvent[] = [];
    for (const event of events) {
      // State stays: it is what the room is, whoever set it.
      if (!event.isState && ignored.has(event.sender)) continue;
      if (event.verdict !== 'accepted' || event.roomNid !== roomNid) continue;
      const after = await factsAt(event.stateRoot ?? emptyState);
      const joinedLater = (event.position ?? 0) < joinedUntil;
      const seen = maySeeHistory({ ...after, joinedLater }) || (await this.#visibleBefore(viewer, event, after, joinedLater));
      if (seen) visible.push({ event, membership: after.membership });
    }
    return visible;
  }

  /** What may be seen of a room's state: now for those who are in it, as it was for those who left, none otherwise. */
  async stateRootFor(viewer: Viewer, roomNid: number): Promise<StateRoot | undefined> {
    const own = await this.#memberships.of(viewer.userNid, roomNid);
    const current = await this.#states.currentRoot(roomNid);
    if (own?.membership === 'join') return current;
    const now = await this.#factsAt(viewer, roomNid, current);
    if (now.visibility === 'world_readable') return current;
    if (!own || own.forgotten || (own.membership !== 'leave' && own.membership !== 'ban')) return undefined;
    // The state at the moment of leaving, for somebody who had been inside.
    const left = await this.#events.byNid(own.eventNid);
    const before = left?.replacesNid === undefined ? undefined : await this.#events.byNid(left.replacesNid);
    return before && membershipIn(before.content) === 'join' ? left?.stateRoot : undefined;
  }

  /** Two kinds of event may also be seen if what held before them allows it: they are what changes who sees what. */
  async #visibleBefore(viewer: Viewer, event: StoredEvent, after: FactsAtState, joinedLater: boolean): Promise<boolean> {
    const isVisibility = event.type === 'm.room.history_visibility' && event.stateKey === '';
    const isOwnMembership = event.type === 'm.room.member' && event.stateKey === viewer.userId;
    if (!isVisibility && !isOwnMembership) return false;
    const before = event.replacesNid === undefined ? undefined : await this.#events.byNid(event.replacesNid);
    return maySeeHistory({
      visibility: isVisibility ? readHistoryVisibility(before?.content) : after.visibility,
      membership: isOwnMembership ? membershipOf(before) : after.membership,
      joinedLater,
    });
  }

  async #factsAt(viewer: Viewer, roomNid: number, root: StateRoot): Promise<FactsAtState> {
    const [visibility, member] = await this.#states.events(roomNid, root, [
      ['m.room.history_visibility', ''],
      ['m.room.member', viewer.userId],
    ]);
    return { visibility: readHistoryVisibility(visibility?.content), membership: membershipOf(member) };
  }

  /** Up to which position of the stream the user has been joined at some later moment: without end for members. */
  async #joinedUntil(userNid: number, roomNid: number): Promise<number> {
    const own = await this.#memberships.of(userNid, roomNid);
    if (!own) return -Infinity;
    if (own.membership === 'join') return Infinity;
    const row = await this.#database.get<{ position: number | null }>(
      sql`SELECT MAX(position) AS position FROM local_membership_changes WHERE user_nid = ${userNid} AND room_nid = ${roomNid}
          AND previous = ${membershipCode('join')}`,
    );
    return row?.position ?? -Infinity;
  }
}

function membershipOf(event: StoredEvent | undefined): Membership {
  return event ? membershipIn(event.content) : 'leave';
}
