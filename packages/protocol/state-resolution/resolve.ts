import type { EventId } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { authChainDifference, conflictedSubgraph } from './auth-chains.ts';
import type { Conflicts } from './conflicts.ts';
import { createEventReader } from './event-reader.ts';
import type { EventReader, ResolutionFacts } from './event-reader.ts';
import { partitionStates } from './partition.ts';
import { resolveV1 } from './resolve-v1.ts';
import { resolveV2 } from './resolve-v2.ts';
import type { StateMap, StateMapKey } from './state-map.ts';

export interface ResolvedConflicts {
  /**
   * What stands beside the unconflicted state in the resolved state. A conflicted key that is not here has no event in it; a key
   * that is in no state may be here, brought back from the auth difference.
   */
  readonly changes: Map<StateMapKey, EventId>;
  /** Events that were needed and not there. Unless it is empty, the answer may differ from that of other servers. */
  readonly missing: ReadonlySet<EventId>;
}

export interface ResolvedState {
  readonly state: Map<StateMapKey, EventId>;
  /** Events that were needed and not there. Unless it is empty, the answer may differ from that of other servers. */
  readonly missing: ReadonlySet<EventId>;
}

/**
 * Settles a conflict between states by the algorithm of the room version; https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
 */
export function resolveConflicts(conflicts: Conflicts, rules: RoomVersionRules, facts: ResolutionFacts): ResolvedConflicts {
  return resolveWith(conflicts, createEventReader(rules, facts));
}

/**
 * Resolves whole states into one, in whatever order they come. It looks at every entry and walks auth chains to their end: right
 * for tests, small rooms and states from strangers; a server that knows better what conflicts calls {@link resolveConflicts}.
 */
export function resolveStates(states: readonly StateMap[], rules: RoomVersionRules, facts: ResolutionFacts): ResolvedState {
  const reader = createEventReader(rules, facts);
  const partition = partitionStates(states, rules);
  const state = new Map(partition.unconflicted);
  if (partition.conflicted.size === 0) return { state, missing: reader.missing };

  const algorithm = rules.stateResolution;
  const conflicts: Conflicts = {
    unconflicted: (key) => partition.unconflicted.get(key),
    conflicted: partition.conflicted,
    authDifference: algorithm === 'v1' ? new Set() : authChainDifference(states, partition, reader),
    conflictedSubgraph: algorithm === 'v2.1' ? conflictedSubgraph(partition, reader) : new Set(),
  };
  const { changes, missing } = resolveWith(conflicts, reader);
  for (const [key, eventId] of changes) state.set(key, eventId);
  return { state, missing };
}

function resolveWith(conflicts: Conflicts, reader: EventReader): ResolvedConflicts {
  const resolved = reader.rules.stateResolution === 'v1' ? resolveV1(conflicts, reader) : resolveV2(conflicts, reader);
  const changes = new Map<StateMapKey, EventId>();
  for (const [key, event] of resolved) changes.set(key, event.eventId);
  return { changes, missing: reader.missing };
}
