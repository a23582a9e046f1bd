import assert from 'node:assert/strict';

import { SyncedClient, type SyncedRoom } from './synced-client.ts';

/** Who can be asked: a `Person`, or whatever else syncs. */
export interface Syncing {
  readonly userId: string;
  /** What this user's client has heard so far. */
  readonly client: SyncedClient;
  get(path: string, query?: Readonly<Record<string, string | number | boolean | undefined>>): Promise<any>;
}

const roundsAtMost = 50;
/** What stands in an answer that has no news. */
const inEveryAnswer = new Set(['next_batch', 'device_one_time_keys_count', 'device_unused_fallback_key_types']);
const filter = JSON.stringify({ room: { timeline: { limit: 30 } } });

/**
 * Shows that what a client built from changes equals what a fresh client gets: rooms, state, the end of each timeline, summaries,
 * unread counts, account data and receipts. To be called where nothing happens any more. A person's client has heard the syncs that
 * the test made without options of their own; it hears the rest now.
 */
export async function expectSyncToConverge(person: Syncing): Promise<void> {
  const built = person.client;
  await hearTheRest(person);
  const fresh = new SyncedClient();
  fresh.hears(await person.get('/sync', { timeout: 0, filter }));
  for (const membership of ['join', 'invite', 'knock'] as const) {
    assert.deepEqual(built.roomsWith(membership), fresh.roomsWith(membership), `${person.userId}: rooms with ${membership}`);
  }
  assert.deepEqual(plain(built.accountData), plain(fresh.accountData), `${person.userId}: account data`);
  for (const roomId of fresh.roomsWith('join')) {
    const [mine, theirs] = [built.rooms.get(roomId), fresh.rooms.get(roomId)];
    assert.ok(mine && theirs);
    const where = `${person.userId} in ${roomId}`;
    const common = Math.min(mine.timeline.length, theirs.timeline.length);
    assert.deepEqual(mine.timeline.slice(-common || Infinity), theirs.timeline.slice(-common || Infinity), `${where}: timeline`);
    assert.deepEqual(comparable(mine), comparable(theirs), where);
  }
}

async function hearTheRest(person: Syncing): Promise<void> {
  for (let round = 0; round < roundsAtMost; round++) {
    const since = person.client.nextBatch;
    const answer = await person.get('/sync', { timeout: 0, filter, since });
    person.client.hears(answer);
    if (since !== undefined && Object.keys(answer).every((name) => inEveryAnswer.has(name))) return;
  }
  throw new Error(`${person.userId}: there is no end of news`);
}

function comparable(room: SyncedRoom): unknown {
  return {
    state: plain(room.state),
    summary: room.summary,
    unread: { notification_count: 0, highlight_count: 0, ...room.unread },
    threads: room.threads,
    accountData: plain(room.accountData),
    receipts: plain(room.receipts),
  };
}

/** In an order that does not depend on when what came. */
function plain(map: ReadonlyMap<string, unknown>): unknown {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}
