import { readHistoryVisibility } from '@myelin/protocol/events/content';

import { sql, type Database } from '../../platform/database/index.ts';
import type { EventStore } from '../events/event-store.ts';
import { isRedactionApplied } from '../events/redacted-id.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomHooks } from '../hooks.ts';
import { membershipCode, membershipIn, type Membership } from '../membership/membership.ts';
import type { Memberships } from '../membership/memberships.ts';
import type { RoomIds } from '../room-ids.ts';
import { emptyState, type RoomStates, type StateRoot } from '../state/index.ts';
import type { Viewer } from '../viewer.ts';
import { isDummy } from './dummy-event.ts';
import { maySeeHistory } from './history-visibility.ts';
import { LatestFacts, type FactsAtState } from './latest-facts.ts';

/** An event that the viewer may see, and what the viewer was to the room at that moment (`unsigned.membership`). */
export interface VisibleEvent {
  readonly event: StoredEvent;
  readonly membership: Membership;
}

/** The event by which somebody ceased to be a member, and where it stands in the events stream. */
export interface Departure {
  readonly position: number;
  readonly eventNid: number;
}

/** What of a room a viewer may read. */
export interface RoomAccess {
  /** The last that they may read of; absent where there is no end. */
  readonly until?: Departure;
}

const nobody: ReadonlySet<string> = new Set();

/** Decides who may see which event; every path on which events reach a client passes here. */
export class Visibility {
  readonly #database: Database;
  readonly #events: EventStore;
  readonly #states: RoomStates;
  readonly #memberships: Memberships;
  readonly #hooks: RoomHooks;
  readonly #rooms: RoomIds;
  readonly #facts = new LatestFacts();

  constructor(needs: {
    database: Database;
    rooms: RoomIds;
    events: EventStore;
    states: RoomStates;
    memberships: Memberships;
    hooks: RoomHooks;
  }) {
    this.#rooms = needs.rooms;
    this.#hooks = needs.hooks;
    this.#database = needs.database;
    this.#events = needs.events;
    this.#states = needs.states;
    this.#memberships = needs.memberships;
  }

  /**
   * Those of a room's events that the viewer may see, in their order. The work is one look-up of two state entries for each different
   * state among the events. Messages of users whom the viewer ignores are left out, unless `evenIgnored`.
   * https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
   */
  async visibleTo(
    viewer: Viewer,
    roomNid: number,
    events: readonly StoredEvent[],
    options: { readonly evenIgnored?: boolean } = {},
  ): Promise<VisibleEvent[]> {
    if (events.length === 0) return [];
    const joinedUntil = await this.#joinedUntil(viewer.userNid, roomNid);
    const ignored = options.evenIgnored ? nobody : await this.#hooks.ignoredUsers(viewer.userNid);
    const visible: VisibleEvent[] = [];
    for (const event of events) {
      // State stays: it is what the room is, whoever set it.
      if (!event.isState && ignored.has(event.sender)) continue;
      if (event.verdict !== 'accepted' || event.roomNid !== roomNid || isDummy(event)) continue;
      if (event.type === 'm.room.redaction' && !event.isState && !(await this.#isApplied(event))) continue;
      // What held at an event without a place is not known. Everybody may know of their own memberships.
      if (event.position === undefined && event.stateKey !== viewer.userId) continue;
      const root = event.stateRoot ?? emptyState;
      const after = this.#facts.of(viewer.userNid, roomNid, root) ?? (await this.#factsAt(viewer, roomNid, root));
      const joinedLater = (event.position ?? 0) < joinedUntil;
      const seen = maySeeHistory({ ...after, joinedLater }) || (await this.#visibleBefore(viewer, event, after, joinedLater));
      if (seen) visible.push({ event, membership: after.membership });
    }
    return visible;
  }

  /** What may be seen of a room's state: now for those who are in it, as it was for those who left, none otherwise. */
  async stateRootFor(viewer: Viewer, roomNid: number): Promise<StateRoot | undefined> {
    const access = await this.accessTo(viewer, roomNid);
    if (!access) return undefined;
    if (access.until === undefined) return this.#states.currentRoot(roomNid);
    const left = await this.#events.byNid(access.until.eventNid);
    return left?.stateRoot;
  }

  /**
   * How far the viewer may read in a room: without end for its members, and for everybody while it is world-readable; up to where
   * they left for those who have been members and have not forgotten it, whatever they are now (banned, invited anew). Undefined:
   * not at all, but for single events that were world-readable in their time.
   * https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
   */
  async accessTo(viewer: Viewer, roomNid: number): Promise<RoomAccess | undefined> {
    const own = await this.#memberships.of(viewer.userNid, roomNid);
    if (own?.membership === 'join') return {};
    const visibility = await this.#states.current(roomNid, 'm.room.history_visibility', '');
    if (readHistoryVisibility(visibility?.content) === 'world_readable') return {};
    if (!own || own.forgotten) return undefined;
    const until = await this.#departure(viewer.userNid, roomNid);
    return until && { until };
  }

  /**
   * Going back from an event, where who sees what was last changed for the viewer: at the later of their membership and the history
   * visibility that were in force then. Undefined where neither was ever set before.
   */
  async lastChangeBefore(viewer: Viewer, event: StoredEvent): Promise<StoredEvent | undefined> {
    const inForce = await this.#states.events(event.roomNid, event.stateRoot ?? emptyState, [
      ['m.room.history_visibility', ''],
      ['m.room.member', viewer.userId],
    ]);
    return inForce.filter((found) => found !== undefined).sort((a, b) => b.depth - a.depth)[0];
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

  #isApplied(redaction: StoredEvent): Promise<boolean> {
    return isRedactionApplied({ rooms: this.#rooms, events: this.#events }, redaction);
  }

  async #factsAt(viewer: Viewer, roomNid: number, root: StateRoot): Promise<FactsAtState> {
    const [visibility, member] = await this.#states.events(roomNid, root, [
      ['m.room.history_visibility', ''],
      ['m.room.member', viewer.userId],
    ]);
    const facts = { visibility: readHistoryVisibility(visibility?.content), membership: membershipOf(member) };
    this.#facts.remember(viewer.userNid, roomNid, root, facts);
    return facts;
  }

  /** Up to which position of the stream the user has been joined at some later moment: without end for members. */
  async #joinedUntil(userNid: number, roomNid: number): Promise<number> {
    const own = await this.#memberships.of(userNid, roomNid);
    if (!own) return -Infinity;
    if (own.membership === 'join') return Infinity;
    return (await this.#departure(userNid, roomNid))?.position ?? -Infinity;
  }

  /** Where a user who is not in the room was in it last. */
  async #departure(userNid: number, roomNid: number): Promise<Departure | undefined> {
    const row = await this.#database.get<{ position: number; event_nid: number }>(
      sql`SELECT position, event_nid FROM local_membership_changes WHERE user_nid = ${userNid} AND room_nid = ${roomNid}
          AND previous = ${membershipCode('join')} ORDER BY position DESC LIMIT 1`,
    );
    return row && { position: row.position, eventNid: row.event_nid };
  }
}

function membershipOf(event: StoredEvent | undefined): Membership {
  return event ? membershipIn(event.content) : 'leave';
}
