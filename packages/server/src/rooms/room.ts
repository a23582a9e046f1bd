import type { EventId, RoomId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { WriteLane } from '../platform/database/index.ts';
import type { StoredEvent } from './events/stored-event.ts';
import type { Membership } from './membership/membership.ts';
import { RecentWrites } from './recent-writes.ts';
import type { RoomIdentity } from './room-ids.ts';
import type { StateRoot } from './state/index.ts';

/** An event that nothing follows yet. */
export interface ForwardExtremity {
  readonly nid: number;
  readonly eventId: EventId;
  readonly depth: number;
  readonly stateRoot: StateRoot;
}

/** The part of a room that a write changes; replaced whole when its turn has prepared one. */
export interface RoomHead {
  readonly extremities: readonly ForwardExtremity[];
  /** The current state: the resolution of the states after the extremities. */
  readonly root: StateRoot;
  /** How many members have each membership. */
  readonly members: ReadonlyMap<Membership, number>;
}

/** Entries of the current state kept at hand; a room of 50,000 members must not keep them all. */
const stateAtHand = 512;

/**
 * A room in memory. Its writes happen one after another in its turn. `head` is what the next write builds on: it runs ahead of the
 * database by the writes that wait for their commit, so readers ask the database and only writers ask here.
 */
export class Room {
  readonly nid: number;
  readonly id: RoomId;
  readonly rules: RoomVersionRules;
  readonly lane: WriteLane;
  head: RoomHead;
  readonly recent = new RecentWrites();
  readonly #atHand = new Map<string, StoredEvent | undefined>();
  #lastTurn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #uncommitted = 0;
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(identity: RoomIdentity, lane: WriteLane, head: RoomHead) {
    this.nid = identity.nid;
    this.id = identity.roomId;
    this.rules = identity.rules;
    this.lane = lane;
    this.head = head;
  }

  /** Whether turns wait or writes are not committed yet: such a room stays in memory, for the database does not hold its head. */
  get busy(): boolean {
    return this.#waiting > 0 || this.#uncommitted > 0;
  }

  /** Resolves when all that was written so far is committed, for the writes of a room are committed in order; rejects when it is not. */
  get lastWrite(): Promise<void> {
    return this.#lastWrite;
  }

  /** Counts a write until it is committed or has failed. */
  holdUntil(durable: Promise<void>): void {
    this.#uncommitted += 1;
    this.#lastWrite = durable;
    const release = (): void => void (this.#uncommitted -= 1);
    durable.then(release, release);
  }

  /** Runs `work` when all earlier turns are done. Nothing in it may wait for another server or for this room's own turn. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const turn = this.#lastTurn.then(work).finally(() => (this.#waiting -= 1));
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  /** An entry of the head's state that was looked up before; `has` tells "none" from "not looked up". */
  atHand(key: string): { has: boolean; event: StoredEvent | undefined } {
    const event = this.#atHand.get(key);
    return { has: event !== undefined || this.#atHand.has(key), event };
  }

  keepAtHand(key: string, event: StoredEvent | undefined): void {
    this.#atHand.delete(key);
    this.#atHand.set(key, event);
    if (this.#atHand.size <= stateAtHand) return;
    const oldest = this.#atHand.keys().next().value;
    if (oldest !== undefined) this.#atHand.delete(oldest);
  }

  /** Forgets all entries at hand, where the state changed by more than what is known. */
  dropAtHand(): void {
    this.#atHand.clear();
  }
}
