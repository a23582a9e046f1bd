import { Readable } from 'node:stream';

import type { Database, Interner } from '../../platform/database/index.ts';
import { readKeys, type Store, type StoredKey } from './key-backup.store.ts';

/** Keys that are in memory at once; some 200 KB of the usual ones. */
const keysPerPage = 250;

/**
 * All keys of a store as JSON, room by room, read while they are sent: a backup may hold more than memory should. Keys that change
 * meanwhile are sent as they were or as they are.
 */
export function allKeysJson(database: Database, names: Interner, store: Store): Readable {
  return Readable.from(roomsJson(database, names, store), { objectMode: false });
}

/** The keys of one room as JSON; none where the room has no number. */
export function roomKeysJson(database: Database, store: Store, roomNid: number | undefined): Readable {
  return Readable.from(sessionsJson(database, store, roomNid), { objectMode: false });
}

/** One key as JSON. */
export function keyJson({ firstMessageIndex, forwardedCount, isVerified, sessionData }: StoredKey): string {
  return `{"first_message_index":${firstMessageIndex},"forwarded_count":${forwardedCount},"is_verified":${isVerified},"session_data":${sessionData}}`;
}

async function* roomsJson(database: Database, names: Interner, store: Store): AsyncGenerator<string> {
  let room: number | undefined;
  for await (const page of pages(database, store)) {
    const roomIds = await names.textsOf(new Set(page.map(({ roomNid }) => roomNid)));
    let text = room === undefined ? '{"rooms":{' : '';
    for (const key of page) {
      if (key.roomNid === room) text += ',';
      else text += `${room === undefined ? '' : '}},'}${JSON.stringify(roomIds.get(key.roomNid))}:{"sessions":{`;
      room = key.roomNid;
      text += memberJson(key);
    }
    yield text;
  }
  yield room === undefined ? '{"rooms":{}}' : '}}}}';
}

async function* sessionsJson(database: Database, store: Store, roomNid: number | undefined): AsyncGenerator<string> {
  let text = '{"sessions":{';
  if (roomNid !== undefined) {
    let comma = '';
    for await (const page of pages(database, store, roomNid)) {
      yield `${text}${comma}${page.map(memberJson).join()}`;
      comma = ',';
      text = '';
    }
  }
  yield `${text}}}`;
}

function memberJson(key: StoredKey): string {
  return `${JSON.stringify(key.sessionId)}:${keyJson(key)}`;
}

/** The keys page after page, each from where the one before it ended. */
async function* pages(database: Database, store: Store, roomNid?: number): AsyncGenerator<readonly StoredKey[]> {
  let after: StoredKey | undefined;
  do {
    const page = await readKeys(database, store, { roomNid, after }, keysPerPage);
    if (page.length > 0) yield page;
    after = page.length < keysPerPage ? undefined : page.at(-1);
  } while (after);
}
