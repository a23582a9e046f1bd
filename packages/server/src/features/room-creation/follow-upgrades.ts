import { readCreate } from '@myelin/protocol/events';

import type { Database, Tx } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { PersistBatch, PersistHook, Rooms } from '../../rooms/index.ts';
import type { UpgradeFollower } from './neighbours.ts';
import { deleteFollowing, pendingFollowings, putFollowing, type Following } from './upgrade-followings.store.ts';

const atOnce = 100;

interface FollowingNeeds {
  readonly rooms: Rooms;
  readonly database: Database;
  readonly logger: Logger;
  readonly followers: readonly UpgradeFollower[];
}

/**
 * When local users join a room that replaces another, what they keep about the old one comes with them. That it is to be done is
 * written with the join, so a server that ends in between does it later.
 * https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export class UpgradeFollowing {
  readonly #needs: FollowingNeeds;
  readonly #running = new Set<Promise<void>>();

  constructor(needs: FollowingNeeds) {
    this.#needs = needs;
  }

  /** Notes who joins, and begins when that is durable. */
  readonly hook: PersistHook = {
    name: 'follow upgrades',
    prepare: (batch) => {
      const joins = batch.membershipChanges.some(
        ({ local, membership, previous }) => local && membership === 'join' && previous !== 'join',
      );
      return joins && this.#needs.followers.length > 0 ? this.#prepare(batch) : undefined;
    },
  };

  /** Takes up what was not finished. */
  async resume(): Promise<void> {
    await this.settled();
    for (const following of await pendingFollowings(this.#needs.database, atOnce)) await this.#follow(following);
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #prepare({ room, events, membershipChanges }: PersistBatch): Promise<((tx: Tx) => void) | void> {
    const create =
      events.find(({ type, stateKey }) => type === 'm.room.create' && stateKey === '') ??
      (await this.#needs.rooms.states.current(room.nid, 'm.room.create', ''));
    const predecessor = create && readCreate(create.content).predecessor?.roomId;
    if (predecessor === undefined) return;
    const followings = membershipChanges
      .filter(({ local, membership, previous }) => local && membership === 'join' && previous !== 'join')
      .map(({ userNid }): Following => ({ userNid, roomNid: room.nid, predecessor }));
    return (tx) => {
      for (const following of followings) {
        putFollowing(tx, following);
        tx.onCommit(() => this.#begin(following));
      }
    };
  }

  #begin(following: Following): void {
    const run = this.#follow(following)
      .catch((error: unknown) => {
        this.#needs.logger.error({ err: error, following }, 'a user has not followed an upgrade in full; tried again later');
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #follow(following: Following): Promise<void> {
    const { rooms, database, followers } = this.#needs;
    const from = await rooms.ids.find(following.predecessor);
    const to = await rooms.ids.byNid(following.roomNid);
    // A user who was not in the old room, which the new one may name as it likes, has nothing to bring from there.
    const wasThere = from && (await rooms.memberships.of(following.userNid, from.nid)) !== undefined;
    if (wasThere) for (const follower of followers) await follower.follow(following.userNid, from, to);
    await database.write((tx) => deleteFollowing(tx, following));
  }
}
