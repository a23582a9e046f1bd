import { Type } from 'typebox';

import type { EventId, RoomId } from '../../identifiers/types.ts';
import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

const Events = Type.Object({ events: Type.Optional(Type.Array(shared.BasicEvent)) });
const StateEvents = Type.Object({ events: Type.Array(shared.ClientEvent) });
const Timeline = Type.Object({
  events: Type.Array(shared.ClientEvent),
  limited: Type.Optional(Type.Boolean()),
  prev_batch: Type.Optional(Type.String()),
});
const UnreadCounts = Type.Object({
  highlight_count: Type.Optional(s.Count),
  notification_count: Type.Optional(s.Count),
});

const JoinedRoom = Type.Object({
  summary: Type.Optional(
    Type.Object({
      'm.heroes': Type.Optional(Type.Array(s.UserId)),
      'm.joined_member_count': Type.Optional(s.Count),
      'm.invited_member_count': Type.Optional(s.Count),
    }),
  ),
  state: Type.Optional(StateEvents),
  state_after: Type.Optional(StateEvents),
  timeline: Type.Optional(Timeline),
  ephemeral: Type.Optional(Events),
  account_data: Type.Optional(Events),
  unread_notifications: Type.Optional(UnreadCounts),
  unread_thread_notifications: Type.Optional(s.MapBy<EventId, typeof UnreadCounts>(UnreadCounts)),
});
const LeftRoom = Type.Object({
  state: Type.Optional(StateEvents),
  state_after: Type.Optional(StateEvents),
  timeline: Type.Optional(Timeline),
  account_data: Type.Optional(Events),
});
const StrippedEvents = Type.Object({ events: Type.Array(shared.StrippedState) });
const InvitedRoom = Type.Object({ invite_state: StrippedEvents });
const KnockedRoom = Type.Object({ knock_state: StrippedEvents });

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync_response-200 */
export const SyncResponse = Type.Object({
  next_batch: Type.String(),
  rooms: Type.Optional(
    Type.Object({
      join: Type.Optional(s.MapBy<RoomId, typeof JoinedRoom>(JoinedRoom)),
      invite: Type.Optional(s.MapBy<RoomId, typeof InvitedRoom>(InvitedRoom)),
      knock: Type.Optional(s.MapBy<RoomId, typeof KnockedRoom>(KnockedRoom)),
      leave: Type.Optional(s.MapBy<RoomId, typeof LeftRoom>(LeftRoom)),
    }),
  ),
  presence: Type.Optional(Events),
  account_data: Type.Optional(Events),
  to_device: Type.Optional(Events),
  device_lists: Type.Optional(
    Type.Object({ changed: Type.Optional(Type.Array(s.UserId)), left: Type.Optional(Type.Array(s.UserId)) }),
  ),
  device_one_time_keys_count: Type.Optional(s.MapOf(s.Count)),
  device_unused_fallback_key_types: Type.Optional(Type.Array(Type.String())),
});

/**
 * What changed since a token, or everything.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 */
export const sync = endpoint({
  id: 'sync',
  method: 'GET',
  ...clientPaths('v3', '/sync'),
  auth: 'user',
  guests: true,
  query: Type.Object({
    filter: Type.Optional(Type.String()),
    since: Type.Optional(Type.String()),
    full_state: Type.Optional(s.QueryBoolean()),
    set_presence: Type.Optional(shared.PresenceState),
    timeout: Type.Optional(s.QueryInteger({ minimum: 0 })),
    use_state_after: Type.Optional(s.QueryBoolean()),
    /** MSC4222, from before 1.16. */
    'org.matrix.msc4222.use_state_after': Type.Optional(s.QueryBoolean()),
  }),
  response: SyncResponse,
});
