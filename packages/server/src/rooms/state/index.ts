export type { BuiltState } from './built-state.ts';
export type { NodeCollection } from './collect-nodes.ts';
export { type Maybe, MissingStateError, type NodeCache } from './node-reader.ts';
export {
  emptyState,
  type StateChange,
  type StateDifference,
  type StateEntry,
  type StateKey,
  type StateRoot,
} from './state-node.ts';
export { createNodeCache, deleteRoomStates, openStateTree, stateRootFromBytes, stateRootToBytes } from './open-state-tree.ts';
export { rootOf, type State, type StatePart, StateTree } from './state-tree.ts';
export { RoomStates, type StateName } from './room-states.ts';
