export { openRooms } from './rooms.ts';
export type { Rooms, RoomsNeeds, SendOptions } from './rooms.ts';
export type {
  CosignHook,
  EventDecorator,
  IgnoredUsers,
  PersistBatch,
  PersistHook,
  ReceiveHook,
  ReceiveVerdict,
  RoomHooks,
  SendHook,
  StateChange,
} from './hooks.ts';
export type { Room, RoomHead } from './room.ts';
export type { PartialRoom, PartialRooms } from './partial/index.ts';
export type { RoomIdentity, RoomIds } from './room-ids.ts';
export type { Viewer } from './viewer.ts';
export { viewerOf } from './viewer.ts';
export type { EventDraft } from './send/event-draft.ts';
export type { NewRoom } from './send/create-room.ts';
export type { PreparedEvent } from './send/prepare-event.ts';
export { shownState, strippedJson } from './send/stripped-state.ts';
export type { Alongside } from './send/send-events.ts';
export { TransactionScope, type TransactionIds } from './send/transaction-ids.ts';
export type { EventServing, ServedEvent, ServeOptions } from './events/serve-events.ts';
export { referencesOf } from './events/event-codec.ts';
export type { EventStore } from './events/event-store.ts';
export { StoredEvent } from './events/stored-event.ts';
export type { EventVerdict } from './events/stored-event.ts';
export { membershipIn, serverOfMember } from './membership/membership.ts';
export type { Membership, MembershipChange, UserMembership } from './membership/membership.ts';
export type { Memberships, UserRooms } from './membership/memberships.ts';
export { localMemberWithPower } from './membership/local-member-with-power.ts';
export {
  firstMembers,
  forgetMembership,
  isServerJoined,
  joinedServers,
  localMembershipChanges,
  memberCounts,
  membersOfRoom,
  sharedRooms,
  strippedStateOf,
  usersOfServer,
} from './membership/membership-store.ts';
export type { LocalMembershipChange } from './membership/membership-store.ts';
export { emptyState } from './state/index.ts';
export type { RoomStates, State, StateDifference, StateEntry, StateName, StateRoot } from './state/index.ts';
export { decodePaginationToken, encodePaginationToken } from './timeline/pagination-token.ts';
export type { PaginationToken } from './timeline/pagination-token.ts';
export { tokenAfter, tokenBefore } from './timeline/timeline.ts';
export type { Direction, Timeline } from './timeline/timeline.ts';
export { referencesFirst } from './receive/index.ts';
export { extremitiesToName } from './forks/forward-extremities.ts';
export type { AuthChains, ChainQuestion } from './servers/auth-chain.ts';
export { isAllowedByAcl, mayServerRead } from './servers/server-access.ts';
export { serversOfRoom } from './servers/servers-of-room.ts';
export { stateBefore } from './servers/state-before.ts';
export { ServerVisibility } from './servers/visible-to-server.ts';
export type {
  CheckedPdu,
  DoorVerdict,
  Entrance,
  Gap,
  OutOfBandMembership,
  RawPdu,
  Received,
  Receiving,
  ReceiveOutcome,
  RemoteEvents,
  GivenState,
  RemoteStateIds,
  SignatureAnswer,
  SignatureQuestion,
  SignatureVerifier,
  StatePiece,
} from './receive/index.ts';
export type { SyncCompanion, SyncPart, SyncScope, SyncSource, UnreadCounts } from './sync-source.ts';
export { dummyEventType } from './visibility/dummy-event.ts';
export type { Departure, RoomAccess, Visibility, VisibleEvent } from './visibility/visible-events.ts';
