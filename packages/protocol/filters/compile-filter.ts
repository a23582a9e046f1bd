import type { JsonObject } from '../events/pdu.ts';
import { compileEventFields } from './event-fields.ts';
import { type CompiledEventFilter, compileEventFilter, includeExclude } from './event-filter.ts';
import type { Filter } from './filter.ts';

/** A filter for sync, compiled. */
export interface CompiledFilter {
  readonly presence: CompiledEventFilter;
  /** Account data outside rooms. */
  readonly accountData: CompiledEventFilter;
  readonly timeline: CompiledEventFilter;
  readonly state: CompiledEventFilter;
  readonly ephemeral: CompiledEventFilter;
  readonly roomAccountData: CompiledEventFilter;
  readonly includeLeave: boolean;
  readonly eventFormat: 'client' | 'federation';
  /** No room is shut out: there is nothing to ask. */
  readonly allowsEveryRoom: boolean;
  /** Whether the room is shown at all; asked before the filters of its parts. */
  allowsRoom(roomId: string): boolean;
  /** Keeps the wanted fields of an event; undefined where whole events are wanted. */
  readonly pickFields: ((event: JsonObject) => JsonObject) | undefined;
  /** Members are sent only where they are needed: `lazy_load_members` of the state or the timeline. */
  readonly lazyLoadMembers: boolean;
  /** Members are sent although the client has them. */
  readonly includeRedundantMembers: boolean;
  /** Unread counts are told apart by thread. */
  readonly unreadThreadNotifications: boolean;
}

/**
 * Compiles a filter for sync. Lazy loading is asked of the state, the unread counts of the timeline, by the clients that we
 * know; either place counts. https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
 */
export function compileFilter(filter: Filter = {}): CompiledFilter {
  const room = filter.room ?? {};
  const timeline = compileEventFilter(room.timeline);
  const state = compileEventFilter(room.state);
  const allowsRoom = includeExclude(room.rooms, room.not_rooms);
  return {
    presence: compileEventFilter(filter.presence),
    accountData: compileEventFilter(filter.account_data),
    timeline,
    state,
    ephemeral: compileEventFilter(room.ephemeral),
    roomAccountData: compileEventFilter(room.account_data),
    includeLeave: room.include_leave ?? false,
    eventFormat: filter.event_format ?? 'client',
    allowsEveryRoom: allowsRoom === undefined,
    allowsRoom: allowsRoom ?? (() => true),
    pickFields: compileEventFields(filter.event_fields),
    lazyLoadMembers: state.lazyLoadMembers || timeline.lazyLoadMembers,
    includeRedundantMembers: state.includeRedundantMembers || timeline.includeRedundantMembers,
    unreadThreadNotifications: timeline.unreadThreadNotifications || state.unreadThreadNotifications,
  };
}
