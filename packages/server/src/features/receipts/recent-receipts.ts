import type { Receipt } from './receipt.ts';

interface RoomTail {
  /** In order of position. */
  readonly receipts: Receipt[];
  /** Up to here something may be missing. */
  floor: number;
}

/**
 * The public receipts given last, by room, so that those who follow a room cost no query. Bounded: it forgets the rooms in which
 * nobody reads, and then says that it does not know.
 */
export class RecentReceipts {
  /** In order of the last receipt. */
  readonly #rooms = new Map<number, RoomTail>();
  readonly #perRoom: number;
  readonly #limit: number;
  #count = 0;
  #floor: number;

  /** @param startPosition the stream's position now: what lies before it is not here. */
  constructor(startPosition: number, limits: { readonly perRoom: number; readonly all: number } = { perRoom: 500, all: 20_000 }) {
    this.#floor = startPosition;
    this.#perRoom = limits.perRoom;
    this.#limit = limits.all;
  }

  /** Takes a receipt that is durable now. */
  add(receipt: Receipt): void {
    const tail = this.#rooms.get(receipt.roomNid) ?? { receipts: [], floor: 0 };
    this.#rooms.delete(receipt.roomNid);
    this.#rooms.set(receipt.roomNid, tail);
    const { receipts } = tail;
    // Commits may come out of order, but only just.
    receipts.splice(receipts.findLastIndex(({ position }) => position < receipt.position) + 1, 0, receipt);
    this.#count += 1;
    if (receipts.length > this.#perRoom) {
      tail.floor = Math.max(tail.floor, receipts.shift()?.position ?? 0);
      this.#count -= 1;
    }
    while (this.#count > this.#limit) this.#forgetOldestRoom();
  }

  /** A room's public receipts after `since` and not after `upTo`, oldest first; undefined where they are not all here. */
  between(roomNid: number, since: number, upTo: number): readonly Receipt[] | undefined {
    const tail = this.#rooms.get(roomNid);
    if (since < Math.max(this.#floor, tail?.floor ?? 0)) return undefined;
    if (!tail) return [];
    const { receipts } = tail;
    const first = receipts.findLastIndex(({ position }) => position <= since) + 1;
    const end = receipts.findLastIndex(({ position }) => position <= upTo) + 1;
    return receipts.slice(first, end);
  }

  #forgetOldestRoom(): void {
    for (const [roomNid, { receipts }] of this.#rooms) {
      this.#rooms.delete(roomNid);
      this.#count -= receipts.length;
      this.#floor = Math.max(this.#floor, receipts.at(-1)?.position ?? 0);
      return;
    }
  }
}
