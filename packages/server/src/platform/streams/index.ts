export { Notifier } from './notifier.ts';
export type { Audience, LocalMembers, Waiter, Wakening } from './notifier.ts';
export { PacedWakes } from './paced-wakes.ts';
export { RecentChanges } from './recent-changes.ts';
export { Stream } from './stream.ts';
export { StreamSequence } from './stream-sequence.ts';
export type { StreamSlot } from './stream.ts';
export { decodeSyncToken, encodeSyncToken, syncStreams } from './sync-token.ts';
export type { SyncStreamName, SyncToken } from './sync-token.ts';
