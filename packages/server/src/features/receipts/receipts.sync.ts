import { ByteCache, stringBytes, type CacheBudget } from '../../platform/cache/index.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Rooms, SyncPart, SyncScope, SyncSource } from '../../rooms/index.ts';
import { receiptEvents, type Receipt } from './receipt.ts';
import { privateReceiptsBetween, publicReceipts, publicReceiptsBetween } from './receipts.store.ts';
import type { Receipts } from './receipts.ts';

interface ReceiptsSyncNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly caches: CacheBudget;
  readonly rooms: Pick<Rooms, 'hooks'>;
}

type Texts = readonly string[];
type Ephemeral = Map<number, string[]>;

/**
 * What receipts add to `/sync`. What a room's members are told is made once and shared by all of them; a user who ignores somebody gets
 * a text of their own. Private receipts go to their user alone.
 */
export function receiptsSyncSource(needs: ReceiptsSyncNeeds, receipts: Receipts): SyncSource {
  const texts = new PublicTexts(needs, receipts);
  return {
    name: 'receipts',
    stream: 'receipts',
    now: () => receipts.stream.now,
    async everything(scope, upTo) {
      const ephemeral: Ephemeral = new Map();
      await texts.addAll(ephemeral, scope, scope.joinedRooms);
      await addPrivate(needs, ephemeral, scope, 0, upTo, scope.joinedRooms);
      return partOf(ephemeral);
    },
    async changes(scope, since, upTo) {
      const { joinedRooms, newRooms, viewer } = scope;
      const ephemeral: Ephemeral = new Map();
      if (newRooms.size > 0) {
        await texts.addAll(ephemeral, scope, newRooms);
        await addPrivate(needs, ephemeral, scope, 0, upTo, newRooms);
      }
      if (upTo <= since) return partOf(ephemeral);
      await texts.addChanges(ephemeral, scope, since, upTo);
      if (receipts.recentPrivate.mayHaveChanged(viewer.userNid, since)) {
        await addPrivate(needs, ephemeral, scope, since, upTo, joinedRooms.difference(newRooms));
      }
      return partOf(ephemeral);
    },
  };
}

/** Public receipts as text, from memory where another reader has asked for the same. */
class PublicTexts {
  readonly #needs: ReceiptsSyncNeeds;
  readonly #receipts: Receipts;
  /** By room, first and last position. */
  readonly #ofRanges: ByteCache<string, Texts>;
  /** All receipts of a room, with the stream's position when they were read. */
  readonly #ofRooms: ByteCache<number, { readonly texts: Texts; readonly asOf: number }>;

  constructor(needs: ReceiptsSyncNeeds, receipts: Receipts) {
    this.#needs = needs;
    this.#receipts = receipts;
    this.#ofRanges = new ByteCache({ budget: needs.caches, cost: bytesOf });
    this.#ofRooms = new ByteCache({ budget: needs.caches, cost: ({ texts }) => bytesOf(texts) });
  }

  async addAll(ephemeral: Ephemeral, scope: SyncScope, roomNids: ReadonlySet<number>): Promise<void> {
    const { database, names, rooms } = this.#needs;
    const ignored = await rooms.hooks.ignoredUsers(scope.viewer.userNid);
    const missing: number[] = [];
    for (const roomNid of roomNids) {
      const known = ignored.size > 0 ? undefined : this.#ofRooms.get(roomNid);
      if (known && !this.#receipts.recentRooms.mayHaveChanged(roomNid, known.asOf)) add(ephemeral, roomNid, known.texts);
      else missing.push(roomNid);
    }
    if (missing.length === 0) return;
    const asOf = this.#receipts.stream.now;
    const found = byRoom(await publicReceipts(database, names, missing));
    for (const roomNid of missing) {
      const ofRoom = found.get(roomNid) ?? [];
      const texts = receiptEvents(without(ofRoom, ignored));
      if (ignored.size === 0) this.#ofRooms.set(roomNid, { texts, asOf });
      add(ephemeral, roomNid, texts);
    }
  }

  async addChanges(ephemeral: Ephemeral, scope: SyncScope, since: number, upTo: number): Promise<void> {
    const { database, names, rooms } = this.#needs;
    const changed = this.#receipts.recentRooms.amongChangedSince(scope.joinedRooms, since) ?? [...scope.joinedRooms];
    if (changed.length === 0) return;
    const ignored = await rooms.hooks.ignoredUsers(scope.viewer.userNid);
    const missing: number[] = [];
    for (const roomNid of changed) {
      if (scope.newRooms.has(roomNid)) continue;
      const found = this.#receipts.recent.between(roomNid, since, upTo);
      if (found) add(ephemeral, roomNid, this.#textsOf(roomNid, found, ignored));
      else missing.push(roomNid);
    }
    if (missing.length === 0) return;
    const found = byRoom(await publicReceiptsBetween(database, names, missing, since, upTo));
    for (const [roomNid, ofRoom] of found) add(ephemeral, roomNid, this.#textsOf(roomNid, ofRoom, ignored));
  }

  #textsOf(roomNid: number, receipts: readonly Receipt[], ignored: ReadonlySet<string>): Texts {
    const [first, last] = [receipts[0], receipts.at(-1)];
    if (!first || !last) return [];
    if (ignored.size > 0) return receiptEvents(without(receipts, ignored));
    // Between two positions nothing is added later: both are not after the stream's now.
    const key = `${roomNid} ${first.position} ${last.position} ${receipts.length}`;
    let texts = this.#ofRanges.get(key);
    if (!texts) this.#ofRanges.set(key, (texts = receiptEvents(receipts)));
    return texts;
  }
}

async function addPrivate(
  needs: ReceiptsSyncNeeds,
  ephemeral: Ephemeral,
  scope: SyncScope,
  since: number,
  upTo: number,
  roomNids: ReadonlySet<number>,
): Promise<void> {
  const own = await privateReceiptsBetween(needs.database, needs.names, scope.viewer.userNid, since, upTo);
  for (const [roomNid, ofRoom] of byRoom(own)) if (roomNids.has(roomNid)) add(ephemeral, roomNid, receiptEvents(ofRoom));
}

function without(receipts: readonly Receipt[], ignored: ReadonlySet<string>): readonly Receipt[] {
  return ignored.size === 0 ? receipts : receipts.filter(({ userId }) => !ignored.has(userId));
}

function byRoom(receipts: readonly Receipt[]): Map<number, Receipt[]> {
  return Map.groupBy(receipts, ({ roomNid }) => roomNid);
}

function add(ephemeral: Ephemeral, roomNid: number, texts: Texts): void {
  if (texts.length === 0) return;
  const ofRoom = ephemeral.get(roomNid);
  if (ofRoom) ofRoom.push(...texts);
  else ephemeral.set(roomNid, [...texts]);
}

function partOf(ephemeral: Ephemeral): SyncPart {
  return ephemeral.size === 0 ? {} : { ephemeral };
}

function bytesOf(texts: Texts): number {
  return texts.reduce((sum, text) => sum + stringBytes(text), 0);
}
