import { invalidParam, MatrixError, notFound, tooLarge } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { RoomId } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import { Turns } from '../../platform/turns.ts';
import { isBetterKey, type KeyStanding } from './better-key.ts';
import {
  type Backup,
  countBackups,
  countKeys,
  deleteBackup,
  deleteBackups,
  deleteKey,
  deleteKeysOfRoom,
  insertBackup,
  keyName,
  leaveStore,
  newestBackup,
  putKeys,
  putNumbers,
  readBackup,
  readKey,
  readNumbers,
  readStandings,
  type Store,
  type StoredKey,
  updateAuthData,
  updateKeysOf,
} from './key-backup.store.ts';

export type { Backup, Store, StoredKey } from './key-backup.store.ts';

export interface KeyBackupsNeeds {
  readonly database: Database;
  readonly names: Interner;
}

/** A key that a device uploads. */
export interface UploadedKey extends KeyStanding {
  readonly roomId: RoomId;
  readonly sessionId: string;
  readonly sessionData: JsonObject;
}

/** Which keys of a backup: all, those of a room, or one. */
export type KeyScope = { readonly roomId?: undefined } | { readonly roomId: RoomId; readonly sessionId?: string };

/** How the keys of a backup stand. */
export interface KeysState {
  readonly etag: number;
  readonly count: number;
}

/** The most that `auth_data` may hold, in characters of JSON: a public key and signatures of some devices. */
const maxAuthDataLength = 65_536;
/** The most that one encrypted key may hold, in characters of JSON; those of Megolm have some 700. */
const maxSessionDataLength = 65_536;
/** Opaque; those of Megolm are 43 characters. */
const maxSessionIdLength = 255;
/** Clients delete the backup that they replace: who has more than these has a client that does not end. */
const maxBackups = 100;
const versionGrammar = /^[1-9]\d{0,14}$/;

/**
 * Encrypted copies of the keys by which users read encrypted rooms, kept for their new devices. What one user keeps is changed in the
 * order in which it was asked for, so that devices that upload at once merge.
 * https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
 */
export class KeyBackups {
  readonly #database: Database;
  readonly #names: Interner;
  readonly #turns = new Turns<number>();

  constructor({ database, names }: KeyBackupsNeeds) {
    this.#database = database;
    this.#names = names;
  }

  /** Makes a backup and gives its number, higher than any before it. Throws M_INVALID_PARAM, M_TOO_LARGE. */
  create(userNid: number, algorithm: string, authData: JsonObject): Promise<number> {
    if (!algorithm.isWellFormed()) throw invalidParam('The algorithm has a character that it cannot have');
    const text = authDataText(authData);
    return this.#turns.take(userNid, async () => {
      if ((await countBackups(this.#database, userNid)) >= maxBackups)
        throw tooLarge(`You have ${maxBackups} backups: delete some first`);
      const { lastVersion, lastStore } = await readNumbers(this.#database, userNid);
      const version = lastVersion + 1;
      const store = lastStore + 1;
      await this.#database.write((tx) => {
        putNumbers(tx, userNid, version, store);
        insertBackup(tx, userNid, { version, store, etag: 0, count: 0, algorithm, authData: text });
      });
      return version;
    });
  }

  /** A backup by its number, or the newest. Throws M_NOT_FOUND. */
  async find(userNid: number, version?: string): Promise<Backup> {
    const backup = version === undefined ? await newestBackup(this.#database, userNid) : await this.#named(userNid, version);
    return backup ?? refuse(version);
  }

  /** Throws M_NOT_FOUND; M_INVALID_PARAM where the algorithm is another; M_TOO_LARGE. */
  setAuthData(userNid: number, version: string, algorithm: string, authData: JsonObject): Promise<void> {
    const text = authDataText(authData);
    return this.#turns.take(userNid, async () => {
      const backup = await this.find(userNid, version);
      if (backup.algorithm !== algorithm) throw invalidParam('The algorithm of a backup cannot be changed');
      await this.#database.write((tx) => updateAuthData(tx, userNid, backup.version, text));
    });
  }

  /** Deletes a backup; nothing where it was deleted before. Throws M_NOT_FOUND for one that never was. */
  delete(userNid: number, version: string): Promise<void> {
    return this.#turns.take(userNid, async () => {
      const backup = await this.#named(userNid, version);
      if (backup) {
        await this.#database.write((tx) => {
          deleteBackup(tx, userNid, backup.version);
          leaveStore(tx, { userNid, store: backup.store });
        });
        return;
      }
      const { lastVersion } = await readNumbers(this.#database, userNid);
      if (!versionGrammar.test(version) || Number(version) > lastVersion) refuse(version);
    });
  }

  /** Deletes all backups of a user who is gone. That their numbers are not given again is still known. */
  forget(userNid: number): Promise<void> {
    return this.#turns.take(userNid, () => this.#database.write((tx) => deleteBackups(tx, userNid)));
  }

  /**
   * Keeps those keys that are better than what is there. Throws M_NOT_FOUND where there is no such backup, M_WRONG_ROOM_KEYS_VERSION where
   * it is not the newest, M_INVALID_PARAM, M_TOO_LARGE.
   */
  keep(userNid: number, version: string, keys: readonly UploadedKey[]): Promise<KeysState> {
    // Once: what is large is not written out again in the turn.
    const texts = keys.map(sessionDataText);
    return this.#turns.take(userNid, async () => {
      const backup = await this.#writable(userNid, version);
      const store = { userNid, store: backup.store };
      const rooms = await this.#names.idsOf(new Set(keys.map(({ roomId }) => roomId)));
      const named = keys.map((key, index): StoredKey => {
        const { sessionId, firstMessageIndex, forwardedCount, isVerified } = key;
        const roomNid = rooms.get(key.roomId) ?? 0;
        return { roomNid, sessionId, firstMessageIndex, forwardedCount, isVerified, sessionData: texts[index] ?? '' };
      });
      const nameOf = ({ roomNid, sessionId }: StoredKey): string => keyName(store, roomNid, sessionId);
      const kept = await readStandings(this.#database, named.map(nameOf));
      const better = named.filter((key) => {
        const before = kept.get(nameOf(key));
        return !before || isBetterKey(key, before);
      });
      if (better.length === 0) return backup;
      const after = {
        ...backup,
        etag: backup.etag + 1,
        count: backup.count + better.length - better.filter((key) => kept.has(nameOf(key))).length,
      };
      await this.#database.write((tx) => {
        putKeys(tx, store, better);
        updateKeysOf(tx, userNid, after);
      });
      return after;
    });
  }

  /** One key. Throws M_NOT_FOUND where there is no such backup, or no such key in it. */
  async key(userNid: number, version: string, roomId: RoomId, sessionId: string): Promise<StoredKey> {
    const { store } = await this.find(userNid, version);
    const roomNid = await this.roomNidOf(roomId);
    const key = roomNid === undefined ? undefined : await readKey(this.#database, { userNid, store }, roomNid, sessionId);
    if (!key) throw notFound('There is no such key in the backup');
    return key;
  }

  /** Deletes keys of a backup, which need not be the newest. Throws M_NOT_FOUND where there is no such backup. */
  remove(userNid: number, version: string, scope: KeyScope): Promise<KeysState> {
    return this.#turns.take(userNid, async () => {
      const backup = await this.find(userNid, version);
      if (backup.count === 0) return backup;
      return scope.roomId === undefined ? this.#empty(userNid, backup) : this.#removeOf(userNid, backup, scope);
    });
  }

  /** A room's number in the stores; undefined for one that nothing here has heard of. */
  async roomNidOf(roomId: RoomId): Promise<number | undefined> {
    return roomId.isWellFormed() ? this.#names.knownIdOf(roomId) : undefined;
  }

  /** However many keys there were, an empty store takes their place at once. */
  async #empty(userNid: number, backup: Backup): Promise<KeysState> {
    const { lastVersion, lastStore } = await readNumbers(this.#database, userNid);
    const after = { ...backup, store: lastStore + 1, etag: backup.etag + 1, count: 0 };
    await this.#database.write((tx) => {
      putNumbers(tx, userNid, lastVersion, after.store);
      updateKeysOf(tx, userNid, after);
      leaveStore(tx, { userNid, store: backup.store });
    });
    return after;
  }

  async #removeOf(
    userNid: number,
    backup: Backup,
    scope: { readonly roomId: RoomId; readonly sessionId?: string },
  ): Promise<KeysState> {
    const store: Store = { userNid, store: backup.store };
    const { sessionId } = scope;
    const roomNid = await this.roomNidOf(scope.roomId);
    if (roomNid === undefined) return backup;
    const isThere = async () => (sessionId !== undefined && (await readKey(this.#database, store, roomNid, sessionId)) ? 1 : 0);
    const removed = await (sessionId === undefined ? countKeys(this.#database, store, roomNid) : isThere());
    if (removed === 0) return backup;
    const after = { ...backup, etag: backup.etag + 1, count: backup.count - removed };
    await this.#database.write((tx) => {
      if (sessionId === undefined) deleteKeysOfRoom(tx, store, roomNid);
      else deleteKey(tx, store, roomNid, sessionId);
      updateKeysOf(tx, userNid, after);
    });
    return after;
  }

  async #writable(userNid: number, version: string): Promise<Backup> {
    const newest = await newestBackup(this.#database, userNid);
    if (newest && String(newest.version) === version) return newest;
    if (!newest || !(await this.#named(userNid, version))) return refuse(version);
    throw new MatrixError('M_WRONG_ROOM_KEYS_VERSION', `The newest backup is ${newest.version}`, {
      fields: { current_version: String(newest.version) },
    });
  }

  async #named(userNid: number, version: string): Promise<Backup | undefined> {
    return versionGrammar.test(version) ? readBackup(this.#database, userNid, Number(version)) : undefined;
  }
}

function refuse(version: string | undefined): never {
  throw notFound(version === undefined ? 'You have no backup' : 'There is no such backup');
}

function authDataText(authData: JsonObject): string {
  const text = JSON.stringify(authData);
  if (text.length > maxAuthDataLength) throw tooLarge(`auth_data of more than ${maxAuthDataLength} characters`);
  return text;
}

/** Checks a key and gives its text. */
function sessionDataText({ roomId, sessionId, sessionData }: UploadedKey): string {
  // Members of an object are not checked by the contract.
  if (!roomId.startsWith('!') || roomId.length > 255 || !roomId.isWellFormed())
    throw invalidParam(`${roomId.slice(0, 100)} is no room ID`);
  if (sessionId === '' || sessionId.length > maxSessionIdLength || !sessionId.isWellFormed())
    throw invalidParam(`${sessionId.slice(0, 100)} is no session ID`);
  const text = JSON.stringify(sessionData);
  if (text.length > maxSessionDataLength) throw tooLarge(`session_data of more than ${maxSessionDataLength} characters`);
  return text;
}
