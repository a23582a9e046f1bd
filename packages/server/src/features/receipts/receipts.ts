import { forbidden, invalidParam, notFound } from '@myelin/protocol/errors';
import type { EventId, RoomId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner, Tx } from '../../platform/database/index.ts';
import { PacedWakes, RecentChanges, RecentItems, Stream, StreamSequence, type Notifier } from '../../platform/streams/index.ts';
import { Turns } from '../../platform/turns.ts';
import type { RoomIdentity, Rooms, StoredEvent, Viewer } from '../../rooms/index.ts';
import type { AccountData } from '../account-data/index.ts';
import type { Receipt, ReceiptType } from './receipt.ts';
import { lastPosition, putReceipt, receiptPlace } from './receipts.store.ts';
import { mainThread, threadOf } from './thread-of.ts';

export interface ReceiptsNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly rooms: Rooms;
  readonly accountData: AccountData;
}

/** A part of a receipt's write that somebody else brings. */
export interface ReceiptWrite {
  write(tx: Tx): void;
  /** Called when the write failed or will not be, with nothing of it done. */
  abandon?(): void;
}

/** What follows from a receipt in other tables, written in its own transaction: unread counts. */
export interface ReceiptHook {
  readonly name: string;
  /** Before the write: loads what it needs and returns what to write, if anything. What it throws refuses the receipt. */
  prepare(receipt: Omit<Receipt, 'position'>): void | ReceiptWrite | Promise<void | ReceiptWrite>;
}

/** A user's word on how far a room was read. Undefined: nothing is said of that. */
export interface ReadMarkers {
  readonly read?: EventId | undefined;
  readonly privateRead?: EventId | undefined;
  readonly fullyRead?: EventId | undefined;
  readonly threadId?: string | undefined;
  /** The fully-read marker may go back too (MSC4446). */
  readonly allowBackward?: boolean;
}

/** Who has read up to where. https://spec.matrix.org/v1.19/client-server-api/#receipts */
export class Receipts {
  readonly stream: Stream;
  /** Rooms with new public receipts. */
  readonly recentRooms: RecentChanges;
  /** Users with new private receipts. */
  readonly recentPrivate: RecentChanges;
  /** The newest public receipts by room. */
  readonly recent: RecentItems<Receipt>;
  readonly hooks: ReceiptHook[] = [];
  readonly #needs: ReceiptsNeeds;
  readonly #wakes: PacedWakes;
  readonly #turns = new Turns<string>();
  readonly #listeners: ((receipt: Receipt) => void)[] = [];

  private constructor(needs: ReceiptsNeeds, last: number) {
    const { memberships } = needs.rooms;
    this.#needs = needs;
    this.stream = new Stream('receipts', new StreamSequence(last), needs.notifier);
    this.recentRooms = new RecentChanges(last);
    this.recentPrivate = new RecentChanges(last);
    this.recent = new RecentItems(last, { perKey: 500, all: 20_000 });
    this.#wakes = new PacedWakes('receipts', {
      notifier: needs.notifier,
      clock: needs.clock,
      readersOf: (roomNid) => memberships.loadedLocalMembers(roomNid)?.size ?? 0,
    });
  }

  static async open(needs: ReceiptsNeeds): Promise<Receipts> {
    return new Receipts(needs, await lastPosition(needs.database));
  }

  /** Calls the listener with each new receipt once it is durable. It must not throw. */
  onReceipt(listener: (receipt: Receipt) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Takes a user's word. Markers only go forward; one that would go back, or stay, changes nothing. Durable when it resolves. Throws
   * M_FORBIDDEN to who is not in the room, M_NOT_FOUND for an event that the room does not have, M_INVALID_PARAM for a thread that
   * the event is not in.
   */
  async mark(viewer: Viewer, roomId: RoomId, markers: ReadMarkers): Promise<void> {
    const { rooms } = this.#needs;
    const room = await rooms.ids.find(roomId);
    if (!room || !(await rooms.memberships.isJoined(viewer.userNid, room.nid))) throw forbidden('You are not in this room');
    const { read, privateRead, fullyRead, threadId } = markers;
    const readEvent = await this.#eventIn(room, read);
    const privateEvent = await this.#eventIn(room, privateRead);
    const fullyReadEvent = await this.#eventIn(room, fullyRead);
    for (const event of [readEvent, privateEvent]) if (event) await this.#checkThread(event, threadId);
    const put = (type: ReceiptType, { eventId, position }: StoredEvent): Promise<void> =>
      this.#put({ ...this.#by(viewer, room), type, threadId, eventId, eventPlace: position });
    await Promise.all([
      ...(readEvent ? [put('m.read', readEvent)] : []),
      ...(privateEvent ? [put('m.read.private', privateEvent)] : []),
      ...(fullyReadEvent ? [this.#markFullyRead(viewer, fullyReadEvent, markers.allowBackward ?? false)] : []),
    ]);
  }

  /**
   * Takes another server's word on up to where a user of its own has read, in public; that it may give it was checked. The event need not
   * be known here yet; one of another room changes nothing.
   */
  async receive(receipt: Pick<Receipt, 'roomNid' | 'userNid' | 'userId' | 'threadId' | 'eventId' | 'ts'>): Promise<void> {
    const event = await this.#needs.rooms.events.byId(receipt.eventId);
    if (event && event.roomNid !== receipt.roomNid) return;
    await this.#put({ ...receipt, type: 'm.read', eventPlace: event?.position });
  }

  #by(viewer: Viewer, room: RoomIdentity): Pick<Receipt, 'roomNid' | 'userNid' | 'userId' | 'ts'> {
    return { roomNid: room.nid, userNid: viewer.userNid, userId: viewer.userId, ts: this.#needs.clock.now() };
  }

  async #eventIn(room: RoomIdentity, eventId: EventId | undefined): Promise<StoredEvent | undefined> {
    if (eventId === undefined) return undefined;
    const event = await this.#needs.rooms.events.byId(eventId);
    if (event?.roomNid !== room.nid) throw notFound('The room has no such event');
    return event;
  }

  async #checkThread(event: StoredEvent, threadId: string | undefined): Promise<void> {
    if (threadId === undefined) return;
    if (threadId === '') throw invalidParam('thread_id must be a non-empty string');
    // A thread's root belongs to the main timeline, and reading the thread begins with it.
    if (event.eventId === threadId) return;
    const thread = await threadOf(event, (eventId) => this.#needs.rooms.events.byId(eventId));
    if (thread === threadId) return;
    throw invalidParam(threadId === mainThread ? 'The event is in a thread' : 'The event is not related to thread_id');
  }

  /** One after another for each user and room, so that none goes back behind another that is under way. */
  #put(receipt: Omit<Receipt, 'position'>): Promise<void> {
    return this.#turns.take(`${receipt.roomNid} ${receipt.userNid}`, async () => {
      const before = await receiptPlace(this.#needs.database, receipt);
      if (before && !isAhead(receipt, before)) return;
      // The wake after the commit reaches those whom memory holds.
      await this.#needs.rooms.memberships.localMembers(receipt.roomNid);
      const writes: ReceiptWrite[] = [];
      try {
        for (const hook of this.hooks) {
          const write = await hook.prepare(receipt);
          if (write) writes.push(write);
        }
        await this.#write(receipt, writes);
      } catch (error) {
        for (const write of writes) write.abandon?.();
        throw error;
      }
    });
  }

  async #write(unplaced: Omit<Receipt, 'position'>, writes: readonly ReceiptWrite[]): Promise<void> {
    const slot = this.stream.allocate();
    const receipt: Receipt = { ...unplaced, position: slot.position };
    try {
      await this.#needs.database.write((tx) => {
        putReceipt(tx, receipt);
        for (const part of writes) part.write(tx);
        tx.onCommit(() => this.#remember(receipt));
        slot.commitWith(tx, { users: [receipt.userNid] });
      });
    } catch (error) {
      slot.abandon();
      throw error;
    }
    if (receipt.type === 'm.read') this.#wakes.wake(receipt.roomNid, receipt.position);
    for (const listener of this.#listeners) listener(receipt);
  }

  #remember(receipt: Receipt): void {
    if (receipt.type === 'm.read.private') {
      this.recentPrivate.changed(receipt.userNid, receipt.position);
      return;
    }
    this.recentRooms.changed(receipt.roomNid, receipt.position);
    this.recent.add(receipt.roomNid, receipt);
  }

  /** https://spec.matrix.org/v1.19/client-server-api/#fully-read-markers */
  #markFullyRead(viewer: Viewer, event: StoredEvent, allowBackward: boolean): Promise<void> {
    const { accountData, rooms } = this.#needs;
    return accountData.update(viewer.userNid, 'm.fully_read', event.roomNid, async (content) => {
      const before = content?.['event_id'];
      if (before === event.eventId) return undefined;
      const marked = typeof before === 'string' && !allowBackward ? await rooms.events.byId(before as EventId) : undefined;
      if (
        marked &&
        !isAhead({ eventId: event.eventId, eventPlace: event.position }, { eventId: marked.eventId, eventPlace: marked.position })
      )
        return undefined;
      return { content: { event_id: event.eventId } };
    });
  }
}

type Marked = Pick<Receipt, 'eventId' | 'eventPlace'>;

/** Whether a marker goes forward by going there. Events that have no place in the stream cannot be compared: the later word counts. */
function isAhead(there: Marked, before: Marked): boolean {
  if (there.eventId === before.eventId) return false;
  return there.eventPlace === undefined || before.eventPlace === undefined || there.eventPlace > before.eventPlace;
}
