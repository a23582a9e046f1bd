import type { HistoryVisibility } from '@myelin/protocol/events/content';

import type { Membership } from '../membership/membership.ts';
import type { StateRoot } from '../state/index.ts';

/** What a state says of who may read, and of one viewer. */
export interface FactsAtState {
  readonly visibility: HistoryVisibility;
  readonly membership: Membership;
}

/** Some 100 bytes each. */
const remembered = 20_000;

/**
 * The facts of each room's state that was asked about last: nearly all who read, read the newest messages. A state is named by its
 * content, and redaction leaves what is read here, so they stay true.
 */
export class LatestFacts {
  readonly #rooms = new Map<number, { readonly root: StateRoot; readonly ofUsers: Map<number, FactsAtState> }>();
  #count = 0;

  of(userNid: number, roomNid: number, root: StateRoot): FactsAtState | undefined {
    const room = this.#rooms.get(roomNid);
    return room?.root === root ? room.ofUsers.get(userNid) : undefined;
  }

  remember(userNid: number, roomNid: number, root: StateRoot, facts: FactsAtState): void {
    if (this.#count >= remembered) {
      this.#rooms.clear();
      this.#count = 0;
    }
    let room = this.#rooms.get(roomNid);
    if (room?.root !== root) {
      this.#count -= room?.ofUsers.size ?? 0;
      this.#rooms.set(roomNid, (room = { root, ofUsers: new Map() }));
    }
    if (!room.ofUsers.has(userNid)) this.#count += 1;
    room.ofUsers.set(userNid, facts);
  }
}
