import { Type } from 'typebox';

import type { JsonObject as JsonObjectValue } from '../../events/pdu.ts';
import type { DeviceId, ServerName, UserId } from '../../identifiers/types.ts';
import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/** From user ids to members of one kind. */
type ByUser<Value> = { [K in UserId]?: Value };
const KeysByUser = s.MapBy<UserId, typeof s.JsonObject>(s.JsonObject);
/** Why servers could not be asked, by their names. */
const Failures = s.MapBy<ServerName, typeof s.JsonObject>(s.JsonObject);

/** The identity keys of a device; https://spec.matrix.org/v1.19/client-server-api/#device-keys */
export type DeviceKeysValue = JsonObjectValue & {
  user_id: UserId;
  device_id: DeviceId;
  algorithms: string[];
  keys: Record<string, string>;
  signatures: Record<string, Record<string, string>>;
};
export const DeviceKeys = Type.Unsafe<DeviceKeysValue>(
  Type.Object({
    user_id: s.UserId,
    device_id: s.DeviceId,
    algorithms: Type.Array(Type.String()),
    keys: s.MapOf(Type.String()),
    signatures: s.MapOf(s.MapOf(Type.String())),
  }),
);

/** A one-time key: base64 where its algorithm has no signatures, else an object. */
export type KeyObjectValue = string | (JsonObjectValue & { key: string; signatures: Record<string, Record<string, string>> });
export const KeyObject = Type.Unsafe<KeyObjectValue>(
  Type.Union([Type.String(), Type.Object({ key: Type.String(), signatures: s.MapOf(s.MapOf(Type.String())) })]),
);
/** One-time and fallback keys by `<algorithm>:<key_id>`. */
const KeyObjects = s.MapOf(KeyObject);

/** Asked of users' devices: for each device an algorithm. */
export type WantedKeys = ByUser<Record<string, string>>;
export const WantedKeys = s.MapBy<UserId, ReturnType<typeof s.MapOf<ReturnType<typeof Type.String>>>>(s.MapOf(Type.String()));
export const ClaimedKeys = s.MapBy<UserId, ReturnType<typeof s.MapOf<typeof KeyObjects>>>(s.MapOf(KeyObjects));
/** Asked of users: which devices, or with an empty list all of them. */
const DeviceIds = Type.Array(s.DeviceId);
export const WantedDevices = s.MapBy<UserId, typeof DeviceIds>(DeviceIds);

/**
 * Publishes identity keys, one-time keys and fallback keys of the device that asks.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload
 */
export const uploadKeys = endpoint({
  id: 'uploadKeys',
  method: 'POST',
  ...clientPaths('v3', '/keys/upload'),
  auth: 'user',
  guests: true,
  body: Type.Object({
    device_keys: s.OptionalOrNull(DeviceKeys),
    one_time_keys: s.OptionalOrNull(KeyObjects),
    fallback_keys: s.OptionalOrNull(KeyObjects),
    /** From before 1.2, as MSC2732 named it. */
    'org.matrix.msc2732.fallback_keys': s.OptionalOrNull(KeyObjects),
  }),
  response: Type.Object({ one_time_key_counts: s.MapOf(s.Count) }),
});

/**
 * The devices of users and their identity keys, cross-signing keys among them.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
 */
export const queryKeys = endpoint({
  id: 'queryKeys',
  method: 'POST',
  ...clientPaths('v3', '/keys/query'),
  auth: 'user',
  guests: true,
  body: Type.Object({ device_keys: WantedDevices, timeout: s.OptionalOrNull(s.Milliseconds) }),
  response: Type.Object({
    failures: Type.Optional(Failures),
    device_keys: Type.Optional(KeysByUser),
    master_keys: Type.Optional(KeysByUser),
    self_signing_keys: Type.Optional(KeysByUser),
    user_signing_keys: Type.Optional(KeysByUser),
  }),
});

/**
 * Takes a one-time key of each of these devices.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim
 */
export const claimKeys = endpoint({
  id: 'claimKeys',
  method: 'POST',
  ...clientPaths('v3', '/keys/claim'),
  auth: 'user',
  guests: true,
  body: Type.Object({ one_time_keys: WantedKeys, timeout: s.OptionalOrNull(s.Milliseconds) }),
  response: Type.Object({ failures: Type.Optional(Failures), one_time_keys: ClaimedKeys }),
});
