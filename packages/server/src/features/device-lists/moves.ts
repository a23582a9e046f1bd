import type { Database } from '../../platform/database/index.ts';
import { RecentChanges, RecentItems } from '../../platform/streams/index.ts';
import type { PersistBatch, PersistHook, Rooms } from '../../rooms/index.ts';
import { everyMember, movedRooms, movesIn, putMoves, type Move } from './moves.store.ts';

export interface MovesNeeds {
  readonly database: Database;
  readonly rooms: Pick<Rooms, 'memberships' | 'stream' | 'hooks'>;
}

/** More members who come in one write come with their room: nobody of ours was in it before, so there is nobody to be told of them. */
const mostNewcomers = 200;
const remembered = { perKey: 500, all: 50_000 };

/** Who has come into which room, and who has gone: what decides whose devices a user is to know. */
export class Moves {
  readonly #needs: MovesNeeds;
  readonly #rooms: RecentChanges;
  readonly #recent: RecentItems<Move>;
  /** Nothing has moved after this. */
  #last: number;

  constructor(needs: MovesNeeds) {
    const { now } = needs.rooms.stream;
    this.#needs = needs;
    this.#last = now;
    this.#rooms = new RecentChanges(now);
    this.#recent = new RecentItems(now, remembered);
    needs.rooms.hooks.persist.push(this.#hook());
  }

  /** What moved after `since` and not after `upTo` in the rooms that a user is joined to, oldest first. */
  async around(userNid: number, joined: ReadonlySet<number>, since: number, upTo: number): Promise<Move[]> {
    if (since >= this.#last) return [];
    const { database } = this.#needs;
    const moved = this.#rooms.amongChangedSince(joined, since);
    if (!moved) return inOrder(await movesIn(database, await movedRooms(database, userNid, since), since));
    const found: Move[] = [];
    const unclear: number[] = [];
    for (const roomNid of moved) {
      const recent = this.#recent.between(roomNid, since, upTo);
      if (recent) found.push(...recent);
      else unclear.push(roomNid);
    }
    if (unclear.length > 0) found.push(...(await movesIn(database, unclear, since)));
    return inOrder(found);
  }

  /** What moved in a room after `since`, of each user the latest. */
  in(roomNid: number, since: number): Promise<Move[]> {
    return movesIn(this.#needs.database, [roomNid], since);
  }

  #hook(): PersistHook {
    return {
      name: 'who shares rooms with whom',
      prepare: (batch) => {
        const moves = batch.historical ? [] : this.#movesOf(batch);
        if (moves.length === 0) return undefined;
        return (tx) => {
          putMoves(tx, moves);
          tx.onCommit(() => {
            for (const move of moves) {
              this.#recent.add(move.roomNid, move);
              this.#rooms.changed(move.roomNid, move.position);
              this.#last = Math.max(this.#last, move.position);
            }
          });
        };
      },
    };
  }

  #movesOf({ room, events, membershipChanges, stateChanges }: PersistBatch): Move[] {
    const moves: Move[] = [];
    // Members that come behind their room have been there before: it is told as one that one enters.
    const isCompletion = events.length === 0;
    for (const { userNid, membership, previous, position } of membershipChanges) {
      const joined = membership === 'join';
      if (joined !== (previous === 'join') && !(joined && isCompletion))
        moves.push({ roomNid: room.nid, userNid, position, joined });
    }
    const newcomers = moves.length;
    for (const { type, stateKey, beforeNid, after } of stateChanges) {
      if (type !== 'm.room.encryption' || stateKey !== '' || beforeNid !== undefined || !after) continue;
      moves.push({ roomNid: room.nid, userNid: everyMember, position: after.position ?? after.nid, joined: true });
    }
    const isEntered = newcomers > mostNewcomers && this.#needs.rooms.memberships.loadedLocalMembers(room.nid)?.size === 0;
    return isEntered ? [] : moves;
  }
}

function inOrder(moves: Move[]): Move[] {
  return moves.sort((one, other) => one.position - other.position);
}
