import type { PushAction } from '@myelin/protocol/push-rules';

import type { Tx } from '../../../platform/database/index.ts';
import type { MembershipChange, PersistBatch, PersistHook, Room } from '../../../rooms/index.ts';
import type { Unread } from '../unread/unread.ts';
import { evaluateInvite } from './evaluate-invite.ts';
import type { EventEffect } from './event-effect.ts';
import { beginCounting, endCounting, retractNotification, writeEffects, type MemberComing } from './notifications.store.ts';
import { RoomTurn, type RoomTurnNeeds } from './room-turn.ts';
import { threadNidOf } from './thread-of-event.ts';

export interface NotifyNeeds extends RoomTurnNeeds {
  readonly unread: Unread;
}

/** What is remembered of a room between its turns. */
interface Kept {
  readonly turn: RoomTurn;
  /** What was prepared was also handed to the database. If not, `turn` is ahead of what the room is. */
  written: boolean;
}

/** What a batch does for its room's local members. */
interface Plan {
  readonly effects: EventEffect[];
  readonly coming: MemberComing[];
  readonly going: Set<number>;
  readonly invited: EventEffect[];
}

/**
 * Processes push rules for the local members of a room as its events are persisted, and writes what follows from them for unread counts
 * in the events' own transaction. https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-20
 */
export function notifyMembers(needs: NotifyNeeds): PersistHook {
  // A room that is loaded again, after a failed write or an eviction, is another object: nothing stale can be found here.
  const rooms = new WeakMap<Room, Kept>();
  const actionsNids = new ActionsNids(needs);
  return {
    name: 'unread counts',
    async prepare(batch) {
      // What happened before this server was in the room is no news.
      if (batch.historical) return undefined;
      let kept = rooms.get(batch.room);
      if (!kept?.written) {
        kept = { turn: await RoomTurn.load(needs, batch.room), written: true };
        rooms.set(batch.room, kept);
      }
      kept.written = false;
      const plan = await planBatch(needs, kept.turn, batch);
      const retracted = await retractedBy(needs, batch);
      for (const { ordinary, exceptions } of [...plan.effects, ...plan.invited]) {
        await actionsNids.know(ordinary.actions);
        for (const { actions } of exceptions) await actionsNids.know(actions);
      }
      return (tx) => {
        kept.written = true;
        writePlan(tx, batch.room.nid, plan, actionsNids);
        for (const event of retracted) retractNotification(tx, event);
        tx.onCommit(() => {
          const { cache } = needs.unread;
          cache.applied(batch.room.nid, plan.effects);
          for (const { userNid } of plan.coming) cache.drop(userNid, batch.room.nid);
          for (const userNid of plan.going) cache.drop(userNid, batch.room.nid);
          if (retracted.length > 0) cache.dropRoom(batch.room.nid);
        });
      };
    },
  };
}

async function planBatch(needs: NotifyNeeds, turn: RoomTurn, batch: PersistBatch): Promise<Plan> {
  const roomNid = batch.room.nid;
  const plan: Plan = { effects: [], coming: [], going: new Set(), invited: [] };
  const begin = (batch.events[0]?.position ?? 1) - 1;
  for (const userNid of await turn.takeStrangers(begin)) plan.coming.push({ userNid, roomNid, position: begin });
  await turn.refresh();
  for (const event of batch.events) {
    const membershipChanges = batch.membershipChanges.filter((change) => change.eventNid === event.nid);
    const stateChanges = batch.stateChanges.filter((change) => change.after?.nid === event.nid);
    if (membershipChanges.length > 0 || stateChanges.length > 0) {
      await turn.follow({ membershipChanges, stateChanges });
      notePresence(plan, membershipChanges);
    }
    if (event.verdict !== 'accepted' || event.position === undefined) continue;
    for (const change of membershipChanges) {
      if (!change.local || change.membership !== 'invite') continue;
      plan.invited.push(await evaluateInvite(needs, turn, { event, position: event.position, userNid: change.userNid }));
    }
    if (turn.members.byNid.size > 0) plan.effects.push(await turn.evaluate(event, event.position));
  }
  const own = new Set(batch.events.map(({ nid }) => nid));
  const resolved = batch.membershipChanges.filter(({ eventNid }) => !own.has(eventNid));
  await turn.follow({
    membershipChanges: resolved,
    stateChanges: batch.stateChanges.filter(({ after }) => !after || !own.has(after.nid)),
  });
  notePresence(plan, resolved);
  return plan;
}

function notePresence(plan: Plan, changes: readonly MembershipChange[]): void {
  for (const { local, membership, previous, userNid, roomNid, position } of changes) {
    if (!local || membership === previous) continue;
    if (membership === 'join') {
      plan.coming.push({ userNid, roomNid, position });
      plan.going.delete(userNid);
    } else if (previous === 'join') plan.going.add(userNid);
  }
}

function writePlan(tx: Tx, roomNid: number, plan: Plan, actionsNids: ActionsNids): void {
  for (const coming of plan.coming) beginCounting(tx, coming);
  const actionsNid = (actions: readonly PushAction[]): number => actionsNids.of(actions);
  writeEffects(tx, roomNid, plan.effects, actionsNid);
  writeEffects(tx, roomNid, plan.invited, actionsNid);
  for (const userNid of plan.going) endCounting(tx, userNid, roomNid);
}

/** Events that stop notifying because they are redacted. */
async function retractedBy(
  needs: NotifyNeeds,
  batch: PersistBatch,
): Promise<{ roomNid: number; threadNid: number; position: number }[]> {
  const retracted: { roomNid: number; threadNid: number; position: number }[] = [];
  for (const { target } of batch.redactions) {
    if (target.position === undefined) continue;
    retracted.push({
      roomNid: batch.room.nid,
      threadNid: await threadNidOf(needs.rooms.events, target),
      position: target.position,
    });
  }
  return retracted;
}

/** Users write actions, and a name must fit into an index. */
const longestActions = 1_000;

/** Lists of actions as interned JSON. There are few of them, whoever wrote the rules. */
class ActionsNids {
  readonly #names: NotifyNeeds['names'];
  readonly #known = new WeakMap<readonly PushAction[], number>();

  constructor({ names }: Pick<NotifyNeeds, 'names'>) {
    this.#names = names;
  }

  /** To be called before `of`, outside the write. */
  async know(actions: readonly PushAction[]): Promise<void> {
    if (this.#known.has(actions)) return;
    const json = JSON.stringify(actions);
    // Of an overlong list only what counts is kept.
    const kept = json.length <= longestActions ? json : JSON.stringify(actions.filter((action) => isShort(action)));
    this.#known.set(actions, await this.#names.idOf(kept));
  }

  of(actions: readonly PushAction[]): number {
    const nid = this.#known.get(actions);
    if (nid === undefined) throw new Error('actions were not interned before the write');
    return nid;
  }
}

function isShort(action: PushAction): boolean {
  return action === 'notify' || (action.set_tweak === 'highlight' && typeof action.value !== 'object');
}
