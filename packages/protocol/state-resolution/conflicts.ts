import type { EventId } from '../identifiers/index.ts';
import type { StateMapKey } from './state-map.ts';

/** What is to be settled between some states. Its size is that of the disagreement, not of the room. */
export interface Conflicts {
  /** What the states agree on; see `partitionStates` for what counts as agreed. Asked for a handful of keys only. */
  readonly unconflicted: (key: StateMapKey) => EventId | undefined;
  /** All events that the states have for each key that they do not agree on. */
  readonly conflicted: ReadonlyMap<StateMapKey, ReadonlySet<EventId>>;
  /** See `authChainDifference`. Not used by version 1 of the algorithm. */
  readonly authDifference: ReadonlySet<EventId>;
  /** See `conflictedSubgraph`. Used by version 2.1 of the algorithm only. */
  readonly conflictedSubgraph: ReadonlySet<EventId>;
}
