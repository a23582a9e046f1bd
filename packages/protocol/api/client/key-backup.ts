import { Type } from 'typebox';

import type { RoomId } from '../../identifiers/types.ts';
import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/** Backups are numbered, but clients need not know. */
const VersionParams = Type.Object({ version: Type.String() });
/** Which backup is meant. */
const VersionQuery = Type.Object({ version: Type.String() });
const RoomParams = Type.Object({ roomId: s.RoomId });
/** Opaque; those of Megolm are 43 characters. */
const SessionId = Type.String({ title: 'session ID', minLength: 1, maxLength: 255 });
const SessionParams = Type.Object({ roomId: s.RoomId, sessionId: SessionId });

/** Any algorithm may be used: the server understands none of them. */
const BackupInfo = { algorithm: Type.String({ minLength: 1, maxLength: 255 }), auth_data: s.JsonObject };

const Backup = Type.Object({ ...BackupInfo, count: s.Count, etag: Type.String(), version: Type.String() });

/** The key of a session with what is told of it in the clear. */
const KeyBackupData = Type.Object({
  first_message_index: s.Count,
  forwarded_count: s.Count,
  is_verified: Type.Boolean(),
  session_data: s.JsonObject,
});
const RoomKeyBackup = Type.Object({ sessions: s.MapOf(KeyBackupData) });
const AllKeys = Type.Object({ rooms: s.MapBy<RoomId, typeof RoomKeyBackup>(RoomKeyBackup) });

const Updated = Type.Object({ etag: Type.String(), count: s.Count });

/**
 * Makes a new backup, which is the one to write to from then on.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3room_keysversion
 */
export const postRoomKeysVersion = endpoint({
  id: 'postRoomKeysVersion',
  method: 'POST',
  ...clientPaths('v3', '/room_keys/version'),
  auth: 'user',
  body: Type.Object(BackupInfo),
  response: Type.Object({ version: Type.String() }),
});

/**
 * The newest backup.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversion
 */
export const getRoomKeysVersionCurrent = endpoint({
  id: 'getRoomKeysVersionCurrent',
  method: 'GET',
  ...clientPaths('v3', '/room_keys/version'),
  auth: 'user',
  response: Backup,
});

/**
 * One of the user's backups.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversionversion
 */
export const getRoomKeysVersion = endpoint({
  id: 'getRoomKeysVersion',
  method: 'GET',
  ...clientPaths('v3', '/room_keys/version/:version'),
  auth: 'user',
  params: VersionParams,
  response: Backup,
});

/**
 * Changes the `auth_data` of a backup.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keysversionversion
 */
export const putRoomKeysVersion = endpoint({
  id: 'putRoomKeysVersion',
  method: 'PUT',
  ...clientPaths('v3', '/room_keys/version/:version'),
  auth: 'user',
  params: VersionParams,
  body: Type.Object({ ...BackupInfo, version: s.OptionalOrNull(Type.String()) }),
  response: s.Empty,
});

/**
 * Deletes a backup with all its keys.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keysversionversion
 */
export const deleteRoomKeysVersion = endpoint({
  id: 'deleteRoomKeysVersion',
  method: 'DELETE',
  ...clientPaths('v3', '/room_keys/version/:version'),
  auth: 'user',
  params: VersionParams,
  response: s.Empty,
});

/**
 * Keeps the key of one session.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid
 */
export const putRoomKeyBySessionId = endpoint({
  id: 'putRoomKeyBySessionId',
  method: 'PUT',
  ...clientPaths('v3', '/room_keys/keys/:roomId/:sessionId'),
  auth: 'user',
  params: SessionParams,
  query: VersionQuery,
  body: KeyBackupData,
  response: Updated,
});

/**
 * The key of one session.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomidsessionid
 */
export const getRoomKeyBySessionId = endpoint({
  id: 'getRoomKeyBySessionId',
  method: 'GET',
  ...clientPaths('v3', '/room_keys/keys/:roomId/:sessionId'),
  auth: 'user',
  params: SessionParams,
  query: VersionQuery,
  response: KeyBackupData,
});

/**
 * Deletes the key of one session.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomidsessionid
 */
export const deleteRoomKeyBySessionId = endpoint({
  id: 'deleteRoomKeyBySessionId',
  method: 'DELETE',
  ...clientPaths('v3', '/room_keys/keys/:roomId/:sessionId'),
  auth: 'user',
  params: SessionParams,
  query: VersionQuery,
  response: Updated,
});

/**
 * Keeps keys of one room.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomid
 */
export const putRoomKeysByRoomId = endpoint({
  id: 'putRoomKeysByRoomId',
  method: 'PUT',
  ...clientPaths('v3', '/room_keys/keys/:roomId'),
  auth: 'user',
  params: RoomParams,
  query: VersionQuery,
  body: RoomKeyBackup,
  response: Updated,
});

/**
 * The keys of one room.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomid
 */
export const getRoomKeysByRoomId = endpoint({
  id: 'getRoomKeysByRoomId',
  method: 'GET',
  ...clientPaths('v3', '/room_keys/keys/:roomId'),
  auth: 'user',
  params: RoomParams,
  query: VersionQuery,
  response: RoomKeyBackup,
});

/**
 * Deletes the keys of one room.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomid
 */
export const deleteRoomKeysByRoomId = endpoint({
  id: 'deleteRoomKeysByRoomId',
  method: 'DELETE',
  ...clientPaths('v3', '/room_keys/keys/:roomId'),
  auth: 'user',
  params: RoomParams,
  query: VersionQuery,
  response: Updated,
});

/**
 * Keeps keys of any rooms.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeys
 */
export const putRoomKeys = endpoint({
  id: 'putRoomKeys',
  method: 'PUT',
  ...clientPaths('v3', '/room_keys/keys'),
  auth: 'user',
  query: VersionQuery,
  body: AllKeys,
  response: Updated,
});

/**
 * All keys of a backup.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeys
 */
export const getRoomKeys = endpoint({
  id: 'getRoomKeys',
  method: 'GET',
  ...clientPaths('v3', '/room_keys/keys'),
  auth: 'user',
  query: VersionQuery,
  response: AllKeys,
});

/**
 * Deletes all keys of a backup; the backup stays.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeys
 */
export const deleteRoomKeys = endpoint({
  id: 'deleteRoomKeys',
  method: 'DELETE',
  ...clientPaths('v3', '/room_keys/keys'),
  auth: 'user',
  query: VersionQuery,
  response: Updated,
});
