import { sql, type Database, type Tx } from '../../platform/database/index.ts';
import type { Stream, StreamSlot } from '../../platform/streams/index.ts';
import type { PersistBatch, PersistHook, RoomHooks } from '../hooks.ts';
import { putStrippedState } from '../membership/membership-store.ts';
import type { Membership, MembershipChange } from '../membership/membership.ts';
import type { Memberships } from '../membership/memberships.ts';
import type { RoomRegistry } from '../room-registry.ts';
import type { Room, RoomHead } from '../room.ts';
import { stateRootToBytes, type RoomStates } from '../state/index.ts';
import type { EventStore, NewEvent } from './event-store.ts';
import type { StoredEvent } from './stored-event.ts';

/** What is to be persisted: events in order, and what follows from them for the room. Made by `send` and by `receive`. */
export interface PersistPlan {
  readonly events: readonly NewEvent[];
  /** Outliers that get their place, among the events or not. */
  readonly placed?: readonly { readonly event: StoredEvent; readonly reason?: string | undefined }[];
  readonly head: RoomHead;
  readonly batch: PersistBatch;
  /** New nodes of the state tree, and whatever else belongs into the same transaction. */
  readonly alongside: readonly ((tx: Tx) => void)[];
  /** What users may see of the room who were invited or who knocked. */
  readonly strippedStates: readonly { readonly userNid: number; readonly json: string }[];
  readonly slot: StreamSlot;
}

export interface PersistTools {
  readonly database: Database;
  readonly events: EventStore;
  readonly memberships: Memberships;
  readonly registry: RoomRegistry;
  readonly states: RoomStates;
  readonly stream: Stream;
  readonly hooks: RoomHooks;
  readonly onHookFailure: (hook: string, error: unknown) => void;
}

/**
 * Writes events and all that follows from them as one transaction. To be called in the room's turn, which may end when this resolves:
 * the write is queued then, in the room's lane, behind the ones before it. `durable` resolves when it is committed. When it fails, the
 * room is dropped from memory, and the turns behind it start from what the database holds.
 */
export async function persistEvents(tools: PersistTools, room: Room, plan: PersistPlan): Promise<{ durable: Promise<void> }> {
  let writers: ((tx: Tx) => void)[];
  const { batch } = plan;
  // Soft-failed and rejected events concern nobody.
  const isQuiet = batch.events.length === 0 && batch.stateChanges.length === 0 && batch.membershipChanges.length === 0;
  try {
    writers = isQuiet ? [] : await prepareHooks(tools.hooks.persist, batch);
  } catch (error) {
    plan.slot.abandon();
    throw error;
  }
  const before = room.head;
  room.head = plan.head;
  const durable = tools.database.write(
    (tx) => {
      for (const event of plan.events) tools.events.write(tx, event);
      for (const { event, reason } of plan.placed ?? []) tools.events.writePlace(tx, event, reason);
      writeHead(tx, room.nid, before, plan.head);
      tools.memberships.write(tx, batch.membershipChanges);
      for (const { userNid, json } of plan.strippedStates) putStrippedState(tx, userNid, room.nid, json);
      for (const { redaction, target } of batch.redactions) tools.events.writeRedacted(tx, target, redaction.nid, room.rules);
      for (const write of plan.alongside) write(tx);
      for (const write of writers) write(tx);
      const concernsNobody = isQuiet || batch.historical === true;
      plan.slot.commitWith(tx, {
        rooms: concernsNobody ? [] : [room.nid],
        // Who was invited, kicked or banned is not among the room's members.
        users: batch.membershipChanges.filter(({ local }) => local).map(({ userNid }) => userNid),
      });
    },
    { lane: room.lane },
  );
  room.holdUntil(durable);
  return {
    durable: durable.then(
      () => {
        if (!isQuiet) runAfterHooks(tools, batch);
      },
      (error: unknown) => {
        forgetFailed(tools, room, [...plan.events, ...(plan.placed ?? [])], plan.slot);
        throw error;
      },
    ),
  };
}

/**
 * Writes outliers: events that are known, but have no place in the room. To be called in the room's turn; the events can be read when
 * it returns, and are durable when what it returns resolves.
 */
export function persistOutliers(
  tools: PersistTools,
  room: Room,
  write: { readonly outliers: readonly NewEvent[]; readonly alongside?: (tx: Tx) => void; readonly slot: StreamSlot },
): Promise<void> {
  const durable = tools.database.write(
    (tx) => {
      if (write.outliers.length > 0) tools.events.writeMany(tx, write.outliers);
      write.alongside?.(tx);
      write.slot.commitWith(tx, {});
    },
    { lane: room.lane },
  );
  room.holdUntil(durable);
  return durable.catch((error: unknown) => {
    forgetFailed(tools, room, write.outliers, write.slot);
    throw error;
  });
}

/** The room's memory is ahead of the database by a write that failed. */
function forgetFailed(
  tools: PersistTools,
  room: Room,
  events: readonly { readonly event: StoredEvent }[],
  slot: StreamSlot,
): void {
  slot.abandon();
  tools.events.forgetFailed(events.map(({ event }) => event));
  tools.registry.drop(room.nid);
  tools.states.forgetRoom(room.nid);
}

/** How many have each membership after some changes. */
export function membersAfter(
  members: ReadonlyMap<Membership, number>,
  changes: readonly MembershipChange[],
): ReadonlyMap<Membership, number> {
  if (changes.length === 0) return members;
  const counts = new Map(members);
  for (const { previous, membership, isFirst } of changes) {
    if (!isFirst) counts.set(previous, (counts.get(previous) ?? 0) - 1);
    counts.set(membership, (counts.get(membership) ?? 0) + 1);
  }
  return counts;
}

function writeHead(tx: Tx, roomNid: number, before: RoomHead, after: RoomHead): void {
  const kept = new Set(after.extremities.map(({ nid }) => nid));
  for (const { nid } of before.extremities) {
    if (kept.delete(nid)) continue;
    tx.run(sql`DELETE FROM forward_extremities WHERE room_nid = ${roomNid} AND event_nid = ${nid}`);
  }
  for (const nid of kept) tx.run(sql`INSERT INTO forward_extremities (room_nid, event_nid) VALUES (${roomNid}, ${nid})`);
  if (after.root !== before.root) {
    tx.run(sql`INSERT INTO room_state (room_nid, root) VALUES (${roomNid}, ${stateRootToBytes(after.root)})
      ON CONFLICT (room_nid) DO UPDATE SET root = excluded.root`);
  }
}

async function prepareHooks(hooks: readonly PersistHook[], batch: PersistBatch): Promise<((tx: Tx) => void)[]> {
  const writers: ((tx: Tx) => void)[] = [];
  for (const hook of hooks) {
    const prepared = hook.prepare?.(batch);
    // Most hooks have nothing to do for most events, and a turn of the event loop for each would add up.
    const writer = prepared instanceof Promise ? await prepared : prepared;
    if (writer) writers.push(writer);
  }
  return writers;
}

function runAfterHooks(tools: PersistTools, batch: PersistBatch): void {
  for (const hook of tools.hooks.persist) {
    try {
      hook.after?.(batch);
    } catch (error) {
      tools.onHookFailure(hook.name, error);
    }
  }
}
