import { Type } from 'typebox';

import type { Pdu as EventPdu, JsonObject } from '../../events/pdu.ts';
import * as s from '../schemas.ts';

/*
 * What several federation endpoints have in common. An event's own format depends on its room's version and is checked by
 * `protocol/events`, so here it is an object.
 */

/** An event as servers exchange it; https://spec.matrix.org/v1.19/server-server-api/#pdus */
export const Pdu = s.JsonObject;
/** Events in an answer of ours. */
export const Pdus = Type.Array(Type.Unsafe<EventPdu | JsonObject>(s.JsonObject));

/** Events in the shape of a transaction, which is how some endpoints answer. */
export const PduTransaction = Type.Object({
  origin: s.ServerName,
  origin_server_ts: s.SafeInteger,
  pdus: Pdus,
});

export const RoomParams = Type.Object({ roomId: s.RoomId });
export const RoomEventParams = Type.Object({ roomId: s.RoomId, eventId: s.EventId });
export const RoomUserParams = Type.Object({ roomId: s.RoomId, userId: s.UserId });

/** The room versions that the asking server knows. */
export const SupportedVersions = s.QueryStringArray(Type.String());

/** The event that a joining, knocking or leaving server fills in and signs. */
export const MembershipTemplate = Type.Object({
  /** Absent: version 1. */
  room_version: Type.Optional(Type.String()),
  event: s.JsonObject,
});
