import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

const Device = Type.Object({
  device_id: s.DeviceId,
  display_name: Type.Optional(Type.String()),
  last_seen_ip: Type.Optional(Type.String()),
  last_seen_ts: Type.Optional(s.Timestamp),
});

/**
 * The user's devices.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devices
 */
export const getDevices = endpoint({
  id: 'getDevices',
  method: 'GET',
  ...clientPaths('v3', '/devices'),
  auth: 'user',
  guests: true,
  response: Type.Object({ devices: Type.Array(Device) }),
});

/**
 * One of the user's devices.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devicesdeviceid
 */
export const getDevice = endpoint({
  id: 'getDevice',
  method: 'GET',
  ...clientPaths('v3', '/devices/:deviceId'),
  auth: 'user',
  guests: true,
  params: Type.Object({ deviceId: s.DeviceId }),
  response: Device,
});

/**
 * Renames a device; an application service may create one so.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3devicesdeviceid
 */
export const updateDevice = endpoint({
  id: 'updateDevice',
  method: 'PUT',
  ...clientPaths('v3', '/devices/:deviceId'),
  auth: 'user',
  guests: true,
  params: Type.Object({ deviceId: s.DeviceId }),
  body: Type.Object({ display_name: Type.Optional(Type.String()) }),
  response: s.Empty,
});

/**
 * Logs a device out. Asks for user-interactive authentication.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3devicesdeviceid
 */
export const deleteDevice = endpoint({
  id: 'deleteDevice',
  method: 'DELETE',
  ...clientPaths('v3', '/devices/:deviceId'),
  auth: 'user',
  params: Type.Object({ deviceId: s.DeviceId }),
  body: Type.Object({ auth: Type.Optional(shared.AuthData) }),
  bodyOptional: true,
  response: s.Empty,
});

/**
 * Logs several devices out. Asks for user-interactive authentication.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3delete_devices
 */
export const deleteDevices = endpoint({
  id: 'deleteDevices',
  method: 'POST',
  ...clientPaths('v3', '/delete_devices'),
  auth: 'user',
  body: Type.Object({ devices: Type.Array(s.DeviceId), auth: Type.Optional(shared.AuthData) }),
  response: s.Empty,
});
