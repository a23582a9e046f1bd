import * as client from '@myelin/protocol/api/client';
import { invalidParam } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { RoomId } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import { type Answer, answer, rawJson, type Route, route } from '../../platform/http/index.ts';
import { identityOf } from '../account/index.ts';
import { allKeysJson, keyJson, roomKeysJson } from './backup-json.ts';
import type { Backup, KeyBackups, KeysState, UploadedKey } from './key-backups.ts';

export interface KeyBackupRoutesNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly backups: KeyBackups;
}

/** https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups */
export function keyBackupRoutes(needs: KeyBackupRoutesNeeds): Route[] {
  return [...versionRoutes(needs.backups), ...writeRoutes(needs.backups), ...readRoutes(needs), ...deleteRoutes(needs.backups)];
}

function versionRoutes(backups: KeyBackups): Route[] {
  return [
    route(client.postRoomKeysVersion, async ({ body, requester }) => {
      const version = await backups.create(identityOf(requester).userNid, body.algorithm, body.auth_data);
      return { version: String(version) };
    }),
    route(client.getRoomKeysVersionCurrent, async ({ requester }) => infoOf(await backups.find(identityOf(requester).userNid))),
    route(client.getRoomKeysVersion, async ({ params, requester }) =>
      infoOf(await backups.find(identityOf(requester).userNid, params.version)),
    ),
    route(client.putRoomKeysVersion, async ({ params, body, requester }) => {
      if ((body.version ?? params.version) !== params.version)
        throw invalidParam('The version in the body is not that of the path');
      await backups.setAuthData(identityOf(requester).userNid, params.version, body.algorithm, body.auth_data);
      return {};
    }),
    route(client.deleteRoomKeysVersion, async ({ params, requester }) => {
      await backups.delete(identityOf(requester).userNid, params.version);
      return {};
    }),
  ];
}

function writeRoutes(backups: KeyBackups): Route[] {
  return [
    route(client.putRoomKeyBySessionId, async ({ params, query, body, requester }) => {
      const key = uploadedKey(params.roomId, params.sessionId, body);
      return stateOf(await backups.keep(identityOf(requester).userNid, query.version, [key]));
    }),
    route(client.putRoomKeysByRoomId, async ({ params, query, body, requester }) =>
      stateOf(await backups.keep(identityOf(requester).userNid, query.version, uploadedKeys(params.roomId, body))),
    ),
    route(client.putRoomKeys, async ({ query, body, requester }) => {
      const keys = Object.entries(body.rooms).flatMap(([roomId, room]) => (room ? uploadedKeys(roomId as RoomId, room) : []));
      return stateOf(await backups.keep(identityOf(requester).userNid, query.version, keys));
    }),
  ];
}

function readRoutes({ database, names, backups }: KeyBackupRoutesNeeds): Route[] {
  return [
    route(client.getRoomKeyBySessionId, async ({ params, query, requester }) => {
      const { userNid } = identityOf(requester);
      return rawJson(keyJson(await backups.key(userNid, query.version, params.roomId, params.sessionId)));
    }),
    route(client.getRoomKeysByRoomId, async ({ params, query, requester }) => {
      const { userNid } = identityOf(requester);
      const { store } = await backups.find(userNid, query.version);
      return jsonStream(roomKeysJson(database, { userNid, store }, await backups.roomNidOf(params.roomId)));
    }),
    route(client.getRoomKeys, async ({ query, requester }) => {
      const { userNid } = identityOf(requester);
      const { store } = await backups.find(userNid, query.version);
      return jsonStream(allKeysJson(database, names, { userNid, store }));
    }),
  ];
}

function deleteRoutes(backups: KeyBackups): Route[] {
  return [
    route(client.deleteRoomKeyBySessionId, async ({ params, query, requester }) =>
      stateOf(await backups.remove(identityOf(requester).userNid, query.version, params)),
    ),
    route(client.deleteRoomKeysByRoomId, async ({ params, query, requester }) =>
      stateOf(await backups.remove(identityOf(requester).userNid, query.version, params)),
    ),
    route(client.deleteRoomKeys, async ({ query, requester }) =>
      stateOf(await backups.remove(identityOf(requester).userNid, query.version, {})),
    ),
  ];
}

interface KeyBody {
  readonly first_message_index: number;
  readonly forwarded_count: number;
  readonly is_verified: boolean;
  readonly session_data: JsonObject;
}

function uploadedKeys(roomId: RoomId, room: { readonly sessions: Readonly<Record<string, KeyBody>> }): UploadedKey[] {
  return Object.entries(room.sessions).map(([sessionId, body]) => uploadedKey(roomId, sessionId, body));
}

function uploadedKey(roomId: RoomId, sessionId: string, body: KeyBody): UploadedKey {
  return {
    roomId,
    sessionId,
    firstMessageIndex: body.first_message_index,
    forwardedCount: body.forwarded_count,
    isVerified: body.is_verified,
    sessionData: body.session_data,
  };
}

function infoOf({ version, algorithm, authData, etag, count }: Backup) {
  return {
    algorithm,
    auth_data: JSON.parse(authData) as JsonObject,
    count,
    etag: String(etag),
    version: String(version),
  };
}

function stateOf({ etag, count }: KeysState) {
  return { etag: String(etag), count };
}

function jsonStream(body: ReturnType<typeof allKeysJson>): Answer {
  return answer({ headers: { 'content-type': 'application/json' }, body });
}
