import type { SyncStreamName } from '../platform/streams/index.ts';
import type { Viewer } from './viewer.ts';

/** Unread counts of a room or of one of its threads; https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications */
export interface UnreadCounts {
  readonly notifications: number;
  readonly highlights: number;
}

/**
 * What one source adds to an answer. Events are JSON texts: what many clients get is written once. Rooms go by their number;
 * a room that is named here and has nothing else new appears in the answer all the same.
 */
export interface SyncPart {
  /** `rooms.join.*.ephemeral.events` */
  readonly ephemeral?: ReadonlyMap<number, readonly string[]>;
  /** `rooms.join.*.account_data.events` (and of left rooms) */
  readonly roomAccountData?: ReadonlyMap<number, readonly string[]>;
  /** `rooms.join.*.unread_notifications`; counts of the main timeline alone where the client asked for threads apart. */
  readonly unread?: ReadonlyMap<number, UnreadCounts & { readonly threads?: ReadonlyMap<string, UnreadCounts> }>;
  /** `account_data.events` */
  readonly accountData?: readonly string[];
  /** `presence.events` */
  readonly presence?: readonly string[];
  /** `to_device.events` */
  readonly toDevice?: readonly string[];
  /** Whole members of the answer by their name, as JSON: `device_lists`, `device_one_time_keys_count` … An empty-handed source leaves them out. */
  readonly members?: Readonly<Record<string, string>>;
}

/** For whom, and of which rooms, a source is asked. */
export interface SyncScope {
  readonly viewer: Viewer;
  /** Rooms the viewer is joined to at the end of the answer, those that the filter excludes left out. */
  readonly joinedRooms: ReadonlySet<number>;
  /** Those of them of which the client knows nothing yet: a source tells all it has of them, whatever the token says. */
  readonly newRooms: ReadonlySet<number>;
  /** Rooms with new timeline events in this answer. */
  readonly roomsWithEvents: ReadonlySet<number>;
  /** Counts of threads apart (`unread_thread_notifications` of the filter). */
  readonly threadCounts: boolean;
}

/**
 * Something that a client follows by `/sync`. It answers two questions and never looks at the answers of others.
 * The work for `changes` is proportional to what changed.
 */
export interface SyncSource {
  readonly name: string;
  /** Which number of the token is its own. */
  readonly stream: SyncStreamName;
  /** Up to where its rows can be read. */
  now(): number;
  everything(scope: SyncScope, upTo: number): Promise<SyncPart>;
  /** What came after `since` and not after `upTo`. */
  changes(scope: SyncScope, since: number, upTo: number): Promise<SyncPart>;
}
