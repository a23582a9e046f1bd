import type { SyncStreamName, SyncToken } from '../platform/streams/index.ts';
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
  /**
   * There was too much for one answer, and this part ends at that position of the source's stream: the token goes no further there, so that the
   * client comes back for the rest.
   */
  readonly toldUpTo?: number;
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
  /** Where the client has read up to in every stream; undefined where it knows nothing. For sources that follow more than their own. */
  readonly since: SyncToken | undefined;
  readonly upTo: SyncToken;
}

/** Those who have something to put right for a client whose token this server has not made yet: the database was restored from a copy. */
export interface PutsRight {
  /**
   * The client is told everything as if it came for the first time; gives what it must be told besides, as whole members by their name.
   * Once for such a client, before anybody is asked for the answer.
   */
  putRight?(viewer: Viewer, upTo: SyncToken): Promise<Readonly<Record<string, string>>>;
}

/**
 * Something that a client follows by `/sync`. It answers two questions and never looks at the answers of others.
 * The work for `changes` is proportional to what changed.
 */
export interface SyncSource extends PutsRight {
  readonly name: string;
  /** Which number of the token is its own. */
  readonly stream: SyncStreamName;
  /** Streams of others whose moving is a reason to be asked as well. */
  readonly alsoFollows?: readonly SyncStreamName[];
  /** It is to be asked also where rooms have new timeline events (`roomsWithEvents`): with nearly every answer. */
  readonly followsTimelines?: boolean;
  /** Up to where its rows can be read. */
  now(): number;
  everything(scope: SyncScope, upTo: number): Promise<SyncPart>;
  /** What came after `since` and not after `upTo`. */
  changes(scope: SyncScope, since: number, upTo: number): Promise<SyncPart>;
  /**
   * A client has come with a token: it has everything of this stream up to there. For what is kept only until a client has it. Awaited
   * before the client is answered.
   */
  acknowledged?(viewer: Viewer, position: number): void | Promise<void>;
}

/**
 * What stands in every answer and is never a reason to give one: counts that a client reads whenever it hears from us. Asked once an
 * answer, so it must come from memory nearly always.
 */
export interface SyncCompanion extends PutsRight {
  readonly name: string;
  /** Whole members of the answer by their name, as JSON. */
  members(viewer: Viewer): Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>;
}
