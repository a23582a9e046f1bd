import { Type } from 'typebox';

import type { JsonObject as JsonObjectValue } from '../../events/pdu.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import { DeviceKeys, KeyObject } from './keys.ts';

/*
 * Dehydrated devices, which are not in the specification yet:
 * https://github.com/matrix-org/matrix-spec-proposals/pull/3814
 */
const path = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device';
const eventsPath = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/:deviceId/events';

const EventsParams = Type.Object({ deviceId: s.DeviceId });
const KeyObjects = s.MapOf(KeyObject);
/** What only the user's own clients understand. */
const DeviceData = Type.Unsafe<JsonObjectValue & { algorithm: string }>(Type.Object({ algorithm: Type.String() }));
const Events = Type.Object({ events: Type.Array(s.JsonObject), next_batch: Type.Optional(Type.String()) });

/** Stores a device that receives while no other of the user's does, in place of the one before it. */
export const putDehydratedDevice = endpoint({
  id: 'putDehydratedDevice',
  method: 'PUT',
  path,
  auth: 'user',
  body: Type.Object({
    device_id: s.DeviceId,
    device_data: DeviceData,
    initial_device_display_name: s.OptionalOrNull(Type.String({ maxLength: 100 })),
    device_keys: DeviceKeys,
    one_time_keys: s.OptionalOrNull(KeyObjects),
    fallback_keys: s.OptionalOrNull(KeyObjects),
  }),
  response: Type.Object({ device_id: s.DeviceId }),
});

/** The user's dehydrated device. */
export const getDehydratedDevice = endpoint({
  id: 'getDehydratedDevice',
  method: 'GET',
  path,
  auth: 'user',
  response: Type.Object({ device_id: s.DeviceId, device_data: DeviceData }),
});

/** Deletes the user's dehydrated device. */
export const deleteDehydratedDevice = endpoint({
  id: 'deleteDehydratedDevice',
  method: 'DELETE',
  path,
  auth: 'user',
  response: Type.Object({ device_id: s.DeviceId }),
});

/** What the dehydrated device has received; the answer without `next_batch` is the last. */
export const getDehydratedDeviceEvents = endpoint({
  id: 'getDehydratedDeviceEvents',
  method: 'GET',
  path: eventsPath,
  auth: 'user',
  params: EventsParams,
  query: Type.Object({ from: Type.Optional(Type.String()) }),
  response: Events,
});

/** The same as clients ask that were written before the proposal changed; the answer without events is the last. */
export const postDehydratedDeviceEvents = endpoint({
  id: 'postDehydratedDeviceEvents',
  method: 'POST',
  path: eventsPath,
  auth: 'user',
  params: EventsParams,
  body: Type.Object({ next_batch: s.OptionalOrNull(Type.String()) }),
  bodyOptional: true,
  response: Events,
});
