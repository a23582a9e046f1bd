import type { Database } from '../../../platform/database/index.ts';
import type { Logger } from '../../../platform/observability/index.ts';
import type { PersistBatch, PersistHook, Rooms } from '../../../rooms/index.ts';
import { clearDoubts, doubtfulLists, doubtMembers, doubtUsers, knownToOurs, unfollow } from './remote-lists.store.ts';

export interface ForgetStrangersNeeds {
  readonly database: Database;
  readonly logger: Logger;
  readonly ourServerNid: number;
  readonly rooms: Pick<Rooms, 'memberships' | 'hooks'>;
}

const doubtsAtOnce = 500;

/**
 * A server tells of its users' devices only while they share a room with ours: of whom the last room has ended, the list is forgotten. That
 * it may have ended is noted with the event; whether it has is looked up afterwards.
 */
export class ForgetStrangers {
  readonly #needs: ForgetStrangersNeeds;
  #checking: Promise<void> | undefined;
  #moreCame = false;

  constructor(needs: ForgetStrangersNeeds) {
    this.#needs = needs;
    needs.rooms.hooks.persist.push(this.#hook());
  }

  /**
   * Looks up what is in doubt. At the start, what is in doubt since the last life is fetched again where it is still followed: something
   * may have been missed.
   */
  check({ fetchAgain }: { readonly fetchAgain: boolean }): void {
    this.#moreCame = true;
    if (this.#checking) return;
    this.#checking = this.#checkAll(fetchAgain)
      .catch((error: unknown) => this.#needs.logger.error({ err: error }, 'lists of devices are forgotten later'))
      .finally(() => {
        this.#checking = undefined;
      });
  }

  /** Resolves when nothing is being looked up. */
  async settled(): Promise<void> {
    await this.#checking;
  }

  async #checkAll(fetchAgain: boolean): Promise<void> {
    const { database, ourServerNid } = this.#needs;
    while (this.#moreCame) {
      this.#moreCame = false;
      for (;;) {
        const doubtful = await doubtfulLists(database, doubtsAtOnce);
        if (doubtful.length === 0) break;
        const known = await knownToOurs(database, doubtful, ourServerNid);
        await database.write((tx) => {
          clearDoubts(tx, [...known], { stale: fetchAgain });
          unfollow(
            tx,
            doubtful.filter((userNid) => !known.has(userNid)),
          );
        });
      }
    }
  }

  #hook(): PersistHook {
    return {
      name: 'lists of devices that are followed no more',
      prepare: ({ room, membershipChanges }) => {
        const gone = membershipChanges.filter(({ membership, previous }) => previous === 'join' && membership !== 'join');
        if (gone.length === 0) return undefined;
        const strangers = gone.flatMap(({ local, userNid }) => (local ? [] : userNid));
        const isLast = this.#leavesNobody(room.nid, gone);
        if (strangers.length === 0 && !isLast) return undefined;
        return (tx) => {
          if (strangers.length > 0) doubtUsers(tx, strangers);
          if (isLast) doubtMembers(tx, room.nid);
          tx.onCommit(() => this.check({ fetchAgain: false }));
        };
      },
    };
  }

  /** Whether ours who go are the last of ours in the room. */
  #leavesNobody(roomNid: number, gone: PersistBatch['membershipChanges']): boolean {
    const ours = gone.flatMap(({ local, userNid }) => (local ? userNid : []));
    if (ours.length === 0) return false;
    const members = this.#needs.rooms.memberships.loadedLocalMembers(roomNid);
    return members === undefined || members.isSubsetOf(new Set(ours));
  }
}
