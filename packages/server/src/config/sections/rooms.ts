import { roomVersionRules } from '@myelin/protocol/room-versions';

import {
  anything,
  bool,
  choice,
  duration,
  endlessDuration,
  group,
  integer,
  list,
  mapOf,
  maybe,
  option,
  section,
  size,
  spelt,
  text,
  textKind,
} from '../schema/index.ts';
import type { Values } from '../schema/index.ts';

const ruleFields = {
  user_id: option(text, 'Who asks; * and ? stand for any text and any one character.', { default: '*' }),
  alias: option(text, 'The alias, with the same wildcards.', { default: '*' }),
  room_id: option(text, 'The room, with the same wildcards.', { default: '*' }),
  action: option(choice('allow', 'deny'), 'What holds when all of these match.', { default: 'allow' }),
};

/** A rule about aliases or about the room list: the first one that matches decides, and when none does the answer is no. */
export type RoomDirectoryRule = Values<typeof ruleFields>;

const rules = maybe(list(group(ruleFields)));

export const rooms = section('Rooms', {
  default_room_version: option(
    textKind('a room version that this server knows', (version) => roomVersionRules(version) !== undefined),
    'The version of new rooms.',
    { default: '12' },
  ),
  allow_public_rooms_without_auth: option(bool, 'Show the list of public rooms to anybody.', { default: false }),
  allow_public_rooms_over_federation: option(bool, 'Show the list of public rooms to other servers.', {
    default: false,
    support: 'later',
  }),
  enable_room_list_search: option(bool, 'Let users search the list of public rooms.', { default: true }),
  block_non_admin_invites: option(bool, 'Only server admins may invite.', { default: false }),
  require_membership_for_aliases: option(bool, 'Only members of a room may give it an alias.', { default: true }),
  alias_creation_rules: option(rules, 'Who may make which aliases; the first rule that matches decides. Default: everybody.', {
    default: null,
  }),
  room_list_publication_rules: option(
    rules,
    'Who may publish which rooms; the first rule that matches decides. Default: nobody but admins.',
    { default: null },
  ),
  default_power_level_content_override: option(
    mapOf(maybe(mapOf(anything))),
    'Content of m.room.power_levels in new rooms, by preset (private_chat, public_chat, trusted_private_chat).',
    { default: {} },
  ),
  encryption_enabled_by_default_for_room_type: option(
    spelt(choice('all', 'invite', 'off'), (found) => (found === false ? 'off' : found)),
    'New rooms that are encrypted without being asked: all, those by invitation, none.',
    { default: 'off' },
  ),
  forget_rooms_on_leave: option(bool, 'Who leaves a room forgets it.', { default: false }),
  exclude_rooms_from_sync: option(list(text), 'Rooms that sync leaves out.', { default: [] }),
  redaction_retention_period: option(endlessDuration, 'How long the content of a redacted event is kept.', { default: '7d' }),
  forgotten_room_retention_period: option(endlessDuration, 'How long a room is kept that all local users have forgotten.', {
    default: null,
    support: 'later',
  }),
  dummy_events_threshold: option(
    integer({ min: 1 }),
    'With more loose ends than this the history of a room is tied together by an event that no client sees.',
    { default: 10 },
  ),
  room_prejoin_state: option(
    group({
      disable_default_event_types: option(bool, 'Leave the usual types out.', { default: false }),
      additional_event_types: option(
        list(spelt(list(text), (found) => (typeof found === 'string' ? [found] : found))),
        'More types, each alone or with a state key.',
        { default: [] },
      ),
    }),
    'What the invited and those who knock see of a room.',
    { default: {}, support: 'later' },
  ),
  retention: option(mapOf(anything), 'How long messages are kept.', { default: {}, support: 'later' }),
  max_event_delay_duration: option(maybe(duration), 'The longest delay of delayed events.', { default: null, support: 'later' }),
});

export const profiles = section('Profiles and presence', {
  require_auth_for_profile_requests: option(bool, 'Show profiles to logged-in users only.', { default: false }),
  limit_profile_requests_to_users_who_share_rooms: option(bool, 'Show profiles only to users who share a room.', {
    default: false,
  }),
  include_profile_data_on_invite: option(bool, 'Put name and avatar of the invited user into the invite.', { default: true }),
  allow_per_room_profiles: option(bool, 'Users may have another name in a room.', { default: true }),
  max_avatar_size: option(maybe(size), 'The largest file of an avatar.', { default: null }),
  allowed_avatar_mimetypes: option(maybe(list(text)), 'The types of files that avatars may have.', { default: null }),
  allow_profile_lookup_over_federation: option(bool, 'Show profiles to other servers.', { default: true }),
  allow_device_name_lookup_over_federation: option(bool, 'Show the names of devices to other servers.', { default: false }),
  presence: option(
    group({
      enabled: option(choice(true, false, 'untracked'), 'Show who is online; "untracked": only what modules and clients say.', {
        default: true,
      }),
      include_offline_users_on_sync: option(bool, 'The first sync lists who is offline as well.', { default: false }),
      last_active_granularity: option(duration, 'How long a user counts as active after the last sign of life.', {
        default: '1m',
      }),
      sync_online_timeout: option(duration, 'How long after the last sync a user goes offline.', { default: '30s' }),
      idle_timeout: option(duration, 'After how long without a sign of life a user is away.', { default: '5m' }),
      presence_router: option(anything, "Synapse's older way to name a module.", { default: null, support: 'ignored' }),
    }),
    'Presence.',
    { default: {} },
  ),
  use_presence: option(maybe(bool), 'The older form of presence.enabled.', { default: null }),
  exclude_rooms_from_presence: option(list(text), 'Rooms whose members do not see the presence of each other.', { default: [] }),
});

export const push = section('Push', {
  push: option(
    group({
      enabled: option(bool, 'Count unread messages and send notifications.', { default: true }),
      include_content: option(bool, 'Notifications hold the message.', { default: true }),
      group_unread_count_by_room: option(bool, 'The number on the badge counts rooms, not messages.', { default: true }),
      jitter_delay: option(duration, 'Delay notifications by up to so long, at random.', { default: '0s', support: 'later' }),
    }),
    'Push notifications.',
    { default: {} },
  ),
});
