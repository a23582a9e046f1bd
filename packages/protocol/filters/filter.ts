import type { RoomId, UserId } from '../identifiers/types.ts';

/** Which events a list of them may hold; https://spec.matrix.org/v1.19/client-server-api/#filtering */
export interface EventFilter {
  /** How many events at most; the server has a default and a maximum of its own. */
  readonly limit?: number;
  /** Absent: every type. `*` stands for any characters. */
  readonly types?: readonly string[];
  /** Wins over `types`. */
  readonly not_types?: readonly string[];
  readonly senders?: readonly UserId[];
  readonly not_senders?: readonly UserId[];
}

/** A filter for events of rooms. */
export interface RoomEventFilter extends EventFilter {
  readonly rooms?: readonly RoomId[];
  readonly not_rooms?: readonly RoomId[];
  /** True: only events with a `url` in their content; false: only those without. */
  readonly contains_url?: boolean;
  readonly lazy_load_members?: boolean;
  readonly include_redundant_members?: boolean;
  readonly unread_thread_notifications?: boolean;
  /** Only events to which one of these users has sent a related event (MSC3440). */
  readonly related_by_senders?: readonly UserId[];
  /** Only events to which an event is related in one of these ways (MSC3440). */
  readonly related_by_rel_types?: readonly string[];
  /** Only events that carry one of these labels (MSC2326). */
  readonly 'org.matrix.labels'?: readonly string[];
  /** Wins over `org.matrix.labels`. */
  readonly 'org.matrix.not_labels'?: readonly string[];
}

/** What of rooms a sync shows. */
export interface RoomFilter {
  readonly rooms?: readonly RoomId[];
  readonly not_rooms?: readonly RoomId[];
  readonly include_leave?: boolean;
  readonly timeline?: RoomEventFilter;
  readonly state?: RoomEventFilter;
  readonly ephemeral?: RoomEventFilter;
  readonly account_data?: RoomEventFilter;
}

/** A filter for sync, as `defineFilter` stores it. */
export interface Filter {
  /** Dot-separated paths; absent: whole events. */
  readonly event_fields?: readonly string[];
  readonly event_format?: 'client' | 'federation';
  readonly presence?: EventFilter;
  readonly account_data?: EventFilter;
  readonly room?: RoomFilter;
}
