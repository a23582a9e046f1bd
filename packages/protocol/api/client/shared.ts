import { Type } from 'typebox';

import type { JsonObject as JsonObjectValue } from '../../events/pdu.ts';
import type { EventId, UserId } from '../../identifiers/types.ts';
import * as s from '../schemas.ts';

export const UserParams = Type.Object({ userId: s.UserId });
export const RoomParams = Type.Object({ roomId: s.RoomId });
export const RoomEventParams = Type.Object({ roomId: s.RoomId, eventId: s.EventId });
export const UserRoomParams = Type.Object({ userId: s.UserId, roomId: s.RoomId });
export const RoomIdOrAliasParams = Type.Object({ roomIdOrAlias: s.RoomIdOrAlias });

/** A type of event, of account data, of relation. */
export const EventType = Type.String({ title: 'event type', minLength: 1, maxLength: 255 });
/** https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers */
export const TransactionId = Type.String({ title: 'transaction ID', minLength: 1, maxLength: 1024 });

/** An event as clients get it; https://spec.matrix.org/v1.19/client-server-api/#room-event-format */
export type ClientEventValue = JsonObjectValue & {
  event_id: EventId;
  type: string;
  sender: UserId;
  origin_server_ts: number;
  content: JsonObjectValue;
  room_id?: string;
  state_key?: string;
  unsigned?: JsonObjectValue;
};
export const ClientEvent = Type.Unsafe<ClientEventValue>(
  Type.Object({
    event_id: s.EventId,
    type: Type.String(),
    sender: s.UserId,
    origin_server_ts: s.SafeInteger,
    content: s.JsonObject,
    room_id: Type.Optional(s.RoomId),
    state_key: Type.Optional(Type.String()),
    unsigned: Type.Optional(s.JsonObject),
  }),
);

/** https://spec.matrix.org/v1.19/client-server-api/#stripped-state */
export const StrippedState = Type.Object({
  type: Type.String(),
  state_key: Type.String(),
  sender: s.UserId,
  content: s.JsonObject,
});

/** An event outside any room's history: account data, presence, typing, receipts. */
export const BasicEvent = Type.Object({
  type: Type.String(),
  content: s.JsonObject,
  sender: Type.Optional(s.UserId),
  room_id: Type.Optional(s.RoomId),
});

/** What a client sends as `auth`; https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api */
export type AuthDataValue = JsonObjectValue & { type?: string; session?: string };
export const AuthData = Type.Unsafe<AuthDataValue>(
  Type.Object({ type: Type.Optional(Type.String()), session: Type.Optional(Type.String()) }),
);

export const Membership = s.OneOf('join', 'invite', 'knock', 'leave', 'ban');
export const Visibility = s.OneOf('public', 'private');
export const PresenceState = s.OneOf('online', 'offline', 'unavailable');
/** `b` towards older events, `f` towards newer ones. */
export const Direction = s.OneOf('b', 'f');
/** How many at most; the server has a limit of its own. */
export const Limit = s.QueryInteger({ minimum: 0 });

/** https://spec.matrix.org/v1.19/client-server-api/#well-known-uris */
export const ClientWellKnown = Type.Unsafe<
  JsonObjectValue & { 'm.homeserver': { base_url: string }; 'm.identity_server'?: { base_url: string } }
>(
  Type.Object({
    'm.homeserver': Type.Object({ base_url: Type.String() }),
    'm.identity_server': Type.Optional(Type.Object({ base_url: Type.String() })),
  }),
);
