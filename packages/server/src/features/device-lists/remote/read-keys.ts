import { encodeCanonicalJson, isJsonObject, own } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';
import { isDeviceId, type DeviceId, type UserId } from '@myelin/protocol/identifiers';

/** A device of another server's user. */
export interface RemoteDevice {
  readonly deviceId: DeviceId;
  /** JSON */
  readonly keys: string;
  readonly displayName: string | undefined;
}

/** All devices of another server's user. */
export interface RemoteList {
  readonly streamId: number;
  readonly devices: readonly RemoteDevice[];
  /** JSON */
  readonly master: string | undefined;
  /** JSON */
  readonly selfSigning: string | undefined;
}

/** What an `m.device_list_update` says. */
export interface DeviceUpdate {
  readonly deviceId: DeviceId;
  readonly streamId: number;
  readonly prevIds: readonly number[];
  /** Undefined where the device is gone, or has no keys. */
  readonly device: RemoteDevice | undefined;
  /** There are keys, but they are not as they should be. */
  readonly isOdd: boolean;
}

/** More devices than anybody has; of a longer list the first are taken. */
export const mostDevices = 1000;
/** Of one device's keys with their signatures: some times what the largest known have. */
const mostKeyBytes = 32 * 1024;
const longestName = 255;
const mostPrevIds = 100;

/** Identity keys of a device of that user's; undefined where they are not what they should be. */
export function readDevice(value: unknown, userId: UserId, deviceId: string, name: unknown): RemoteDevice | undefined {
  if (!isJsonObject(value) || !isDeviceId(deviceId)) return undefined;
  if (own(value, 'user_id') !== userId || own(value, 'device_id') !== deviceId) return undefined;
  const { unsigned, ...signed } = value;
  if (!isTexts(own(signed, 'keys'))) return undefined;
  const keys = jsonWithin(signed);
  if (keys === undefined) return undefined;
  const told = name ?? (isJsonObject(unsigned) ? own(unsigned, 'device_display_name') : undefined);
  return { deviceId, keys, displayName: nameOf(told) };
}

/** A cross-signing key of that user's for that usage; undefined where it is not what it should be. */
export function readCrossSigningKey(value: unknown, userId: UserId, usage: 'master' | 'self_signing'): string | undefined {
  if (!isJsonObject(value) || own(value, 'user_id') !== userId) return undefined;
  const usages = own(value, 'usage');
  const keys = own(value, 'keys');
  if (!Array.isArray(usages) || !usages.includes(usage) || !isTexts(keys) || Object.keys(keys).length !== 1) return undefined;
  const { unsigned: _unsigned, ...signed } = value;
  return jsonWithin(signed);
}

/** The content of an `m.device_list_update` of that user's; undefined where it cannot be understood at all. */
export function readUpdate(content: JsonObject, userId: UserId): DeviceUpdate | undefined {
  const deviceId = own(content, 'device_id');
  const streamId = own(content, 'stream_id');
  const prev = own(content, 'prev_id') ?? [];
  if (typeof deviceId !== 'string' || !isDeviceId(deviceId) || !isStreamId(streamId)) return undefined;
  if (!Array.isArray(prev) || prev.length > mostPrevIds || !prev.every(isStreamId)) return undefined;
  const keys = own(content, 'keys');
  const isThere = own(content, 'deleted') !== true && keys !== undefined && keys !== null;
  const device = isThere ? readDevice(keys, userId, deviceId, own(content, 'device_display_name')) : undefined;
  return { deviceId, streamId, prevIds: prev, device, isOdd: isThere && !device };
}

/** The answer to `GET /user/devices`; undefined where it is not about that user. What is wrong in it is left out. */
export function readList(
  answer: {
    readonly user_id: string;
    readonly stream_id: number;
    readonly devices: readonly JsonObject[];
    readonly master_key?: unknown;
    readonly self_signing_key?: unknown;
  },
  userId: UserId,
): RemoteList | undefined {
  if (answer.user_id !== userId || !isStreamId(answer.stream_id)) return undefined;
  const devices = new Map<string, RemoteDevice>();
  for (const told of answer.devices) {
    if (devices.size >= mostDevices) break;
    const deviceId = own(told, 'device_id');
    const device =
      typeof deviceId === 'string' && readDevice(own(told, 'keys'), userId, deviceId, own(told, 'device_display_name'));
    if (device) devices.set(device.deviceId, device);
  }
  return {
    streamId: answer.stream_id,
    devices: [...devices.values()],
    master: readCrossSigningKey(answer.master_key, userId, 'master'),
    selfSigning: readCrossSigningKey(answer.self_signing_key, userId, 'self_signing'),
  };
}

/** The public keys of a device's own, without their signatures: a device that is the same has the same. */
export function identityOf(keysJson: string): string {
  const { keys } = JSON.parse(keysJson) as { readonly keys: JsonObject };
  return encodeCanonicalJson(keys);
}

function jsonWithin(value: JsonObject): string | undefined {
  try {
    const json = encodeCanonicalJson(value);
    return Buffer.byteLength(json) <= mostKeyBytes ? json : undefined;
  } catch {
    // What cannot be signed is nobody's key.
    return undefined;
  }
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function isStreamId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.isWellFormed() ? value.slice(0, longestName).toWellFormed() || undefined : undefined;
}
