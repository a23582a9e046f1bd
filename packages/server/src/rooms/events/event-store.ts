import { redactContent, type JsonObject } from '@myelin/protocol/events';
import type { EventId, UserId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { ByteCache } from '../../platform/cache/index.ts';
import { inList, sql, type Database, type Interner, type SqlValue, type Tx } from '../../platform/database/index.ts';
import { AuthEdges } from '../forks/auth-edges.ts';
import type { RoomIds } from '../room-ids.ts';
import { stateRootFromBytes, stateRootToBytes } from '../state/index.ts';
import { AbsentIds } from './absent-ids.ts';
import { decodeEventId, encodeEventId } from './event-codec.ts';
import { StoredEvent, verdictCode, verdictOfCode } from './stored-event.ts';

interface EventRow {
  event_nid: number;
  room_nid: number;
  position: number | null;
  depth: number;
  type_nid: number;
  sender_nid: number;
  state_key_nid: number | null;
  origin_server_ts: number;
  verdict: number;
  event_id: Uint8Array;
  state_root: Uint8Array | null;
  room_root: Uint8Array | null;
  replaces_nid: number | null;
  redacted_by_nid: number | null;
  content: string;
  envelope: Uint8Array;
}

/** An event to be written, with the integers that stand for its names. */
export interface NewEvent {
  readonly event: StoredEvent;
  readonly typeNid: number;
  readonly stateKeyNid: number | undefined;
  /** Its auth events without the create event; of state events only. */
  readonly authNids?: readonly number[];
  /** Why it was soft-failed or rejected. */
  readonly reason?: string;
}

/** Events by our integer or by their id, through one cache that all readers share. */
export class EventStore {
  readonly #database: Database;
  readonly #names: Interner;
  readonly #rooms: RoomIds;
  readonly #cache: ByteCache<number, StoredEvent>;
  readonly #nidOfId: ByteCache<string, number>;
  /** Written, and not committed yet: what a room's next turn builds on. */
  readonly #pending = new Map<number, StoredEvent>();
  readonly #pendingNids = new Map<EventId, number>();
  readonly #absent = new AbsentIds();
  /** Which state events rest on which. */
  readonly authEdges: AuthEdges;

  constructor(needs: {
    database: Database;
    names: Interner;
    rooms: RoomIds;
    events: ByteCache<number, StoredEvent>;
    eventNids: ByteCache<string, number>;
  }) {
    this.#database = needs.database;
    this.#names = needs.names;
    this.#rooms = needs.rooms;
    this.#cache = needs.events;
    this.#nidOfId = needs.eventNids;
    this.authEdges = new AuthEdges(needs.database);
  }

  /** From memory only. */
  cached(nid: number): StoredEvent | undefined {
    return this.#cache.get(nid);
  }

  async byNid(nid: number): Promise<StoredEvent | undefined> {
    return this.#pending.get(nid) ?? this.#cache.get(nid) ?? (await this.byNids([nid])).get(nid);
  }

  /** Those that exist, by integer; one query for what is not in memory. */
  async byNids(nids: Iterable<number>): Promise<Map<number, StoredEvent>> {
    const found = new Map<number, StoredEvent>();
    const missing: number[] = [];
    for (const nid of nids) {
      const cached = this.#pending.get(nid) ?? this.#cache.get(nid);
      if (cached) found.set(nid, cached);
      else missing.push(nid);
    }
    if (missing.length === 0) return found;
    const rows = await this.#database.all<EventRow>(
      sql`SELECT e.event_nid, room_nid, position, depth, type_nid, sender_nid, state_key_nid, origin_server_ts, verdict, event_id,
            state_root, room_root, replaces_nid, redacted_by_nid, content, envelope
          FROM events e JOIN event_json j ON j.event_nid = e.event_nid WHERE e.event_nid ${inList(missing)}`,
    );
    for (const event of await this.#revive(rows)) {
      // What a write has put there meanwhile is newer than what was read.
      const cached = this.#cache.get(event.nid);
      if (!cached) this.#cache.set(event.nid, event);
      found.set(event.nid, cached ?? event);
    }
    return found;
  }

  /** Their ids, in the order of `nids`, without reading the events; those that do not exist are left out. */
  async idsOf(nids: readonly number[], rules: RoomVersionRules): Promise<EventId[]> {
    const found = new Map<number, EventId | undefined>();
    for (const nid of nids) found.set(nid, (this.#pending.get(nid) ?? this.#cache.peek(nid))?.eventId);
    const missing = nids.filter((nid) => found.get(nid) === undefined);
    if (missing.length > 0) {
      const rows = await this.#database.all<Pick<EventRow, 'event_nid' | 'event_id'>>(
        sql`SELECT event_nid, event_id FROM events WHERE event_nid ${inList(missing)}`,
      );
      for (const row of rows) found.set(row.event_nid, decodeEventId(row.event_id, rules));
    }
    return nids.flatMap((nid) => found.get(nid) ?? []);
  }

  /** In the order of `nids`; those that do not exist are left out. */
  async listByNids(nids: readonly number[]): Promise<StoredEvent[]> {
    const found = await this.byNids(nids);
    return nids.flatMap((nid) => found.get(nid) ?? []);
  }

  async byId(eventId: EventId): Promise<StoredEvent | undefined> {
    const nid = this.#nidOfId.get(eventId) ?? (await this.nidsOf([eventId])).get(eventId);
    return nid === undefined ? undefined : this.byNid(nid);
  }

  async byIds(eventIds: readonly EventId[]): Promise<Map<EventId, StoredEvent>> {
    const nids = await this.nidsOf(eventIds);
    const events = await this.byNids(nids.values());
    const found = new Map<EventId, StoredEvent>();
    for (const [eventId, nid] of nids) {
      const event = events.get(nid);
      if (event) found.set(eventId, event);
    }
    return found;
  }

  /** Our integers for those events that we know. */
  async nidsOf(eventIds: readonly EventId[]): Promise<Map<EventId, number>> {
    const found = new Map<EventId, number>();
    const missing = new Map<EventId, Uint8Array>();
    for (const eventId of eventIds) {
      const nid = this.#nidOfId.get(eventId) ?? this.#pendingNids.get(eventId);
      if (nid !== undefined) found.set(eventId, nid);
      else if (!this.#absent.has(eventId)) missing.set(eventId, encodeEventId(eventId));
    }
    if (missing.size === 0) return found;
    await this.#absent.look(
      missing.keys(),
      async () => {
        const rows = await this.#database.all<{ event_nid: number; event_id: Uint8Array }>(
          sql`SELECT event_nid, event_id FROM events WHERE event_id ${inList([...missing.values()])}`,
        );
        const nidOfKey = new Map(rows.map((row) => [latin1(row.event_id), row.event_nid]));
        for (const [eventId, key] of missing) {
          const nid = nidOfKey.get(latin1(key));
          if (nid === undefined) continue;
          this.#nidOfId.set(eventId, nid);
          found.set(eventId, nid);
        }
      },
      (eventId) => found.has(eventId),
    );
    return found;
  }

  /** Puts an event into a write. Readers find it once that is committed. */
  write(tx: Tx, written: NewEvent): void {
    const { event, typeNid, stateKeyNid } = written;
    tx.run(sql`INSERT INTO events (event_nid, room_nid, position, depth, type_nid, sender_nid, state_key_nid, origin_server_ts, verdict,
        event_id, state_root, room_root, replaces_nid, redacted_by_nid)
      VALUES (${event.nid}, ${event.roomNid}, ${event.position ?? null}, ${event.depth}, ${typeNid}, ${event.senderNid},
        ${stateKeyNid ?? null}, ${event.originServerTs}, ${verdictCode(event.verdict)}, ${encodeEventId(event.eventId)},
        ${rootBytes(event.stateRoot)}, ${rootBytes(event.roomRoot)}, ${event.replacesNid ?? null}, ${event.redactedByNid ?? null})`);
    tx.run(
      sql`INSERT INTO event_json (event_nid, content, envelope) VALUES (${event.nid}, ${event.contentJson}, ${event.envelope})`,
    );
    this.#wrote(tx, [written]);
  }

  /** Puts many events into a write, with few statements however many they are. */
  writeMany(tx: Tx, written: readonly NewEvent[]): void {
    tx.insertMany('events', eventColumns, written.map(eventRow));
    tx.insertMany(
      'event_json',
      ['event_nid', 'content', 'envelope'],
      written.map(({ event }) => [event.nid, event.contentJson, event.envelope]),
    );
    this.#wrote(tx, written);
  }

  #wrote(tx: Tx, written: readonly NewEvent[]): void {
    for (const { event, typeNid, stateKeyNid, authNids, reason } of written) {
      if (reason !== undefined) writeReason(tx, event.nid, reason);
      if (stateKeyNid !== undefined && authNids) this.authEdges.write(tx, { nid: event.nid, typeNid, stateKeyNid }, authNids);
      this.#pending.set(event.nid, event);
      this.#pendingNids.set(event.eventId, event.nid);
      this.#absent.written(event.eventId);
    }
    const events = written.map(({ event }) => event);
    tx.onCommit(() => {
      for (const event of events) {
        // Something later may wait under the same number already: its own commit takes it away.
        if (this.#pending.get(event.nid) === event) this.forgetPending([event]);
        this.remember(event);
      }
    });
  }

  /** Gives an outlier its place, and a verdict that takes its place into account. */
  writePlace(tx: Tx, event: StoredEvent, reason?: string): void {
    tx.run(sql`UPDATE events SET position = ${event.position ?? null}, verdict = ${verdictCode(event.verdict)},
        state_root = ${rootBytes(event.stateRoot)}, room_root = ${rootBytes(event.roomRoot)},
        replaces_nid = ${event.replacesNid ?? null} WHERE event_nid = ${event.nid}`);
    if (reason !== undefined) writeReason(tx, event.nid, reason);
    this.#pending.set(event.nid, event);
    tx.onCommit(() => {
      if (this.#pending.get(event.nid) === event) this.forgetPending([event]);
      this.remember(event);
    });
  }

  /**
   * Stores an outlier anew under another number: it was stored before its auth events were known, and theirs must be smaller. Only
   * memberships may refer to it.
   */
  writeRenumbered(tx: Tx, old: StoredEvent, renumbered: NewEvent): void {
    tx.run(sql`DELETE FROM events WHERE event_nid = ${old.nid}`);
    tx.run(sql`DELETE FROM event_json WHERE event_nid = ${old.nid}`);
    tx.run(sql`UPDATE memberships SET event_nid = ${renumbered.event.nid}
      WHERE room_nid = ${old.roomNid} AND user_nid = ${renumbered.stateKeyNid ?? -1} AND event_nid = ${old.nid}`);
    tx.run(sql`UPDATE local_membership_changes SET event_nid = ${renumbered.event.nid}
      WHERE room_nid = ${old.roomNid} AND user_nid = ${renumbered.stateKeyNid ?? -1} AND event_nid = ${old.nid}`);
    this.write(tx, renumbered);
    tx.onCommit(() => this.#cache.delete(old.nid));
  }

  /** Events that are in the database no more. */
  forget(events: Iterable<{ readonly nid: number; readonly eventId: EventId }>): void {
    for (const { nid, eventId } of events) {
      this.#cache.delete(nid);
      this.#nidOfId.delete(eventId);
    }
  }

  /** Why an event was soft-failed or rejected. */
  async reasonOf(nid: number): Promise<string | undefined> {
    const row = await this.#database.get<{ reason: string }>(sql`SELECT reason FROM event_verdicts WHERE event_nid = ${nid}`);
    return row?.reason;
  }

  /** Events that are committed now, or never will be. */
  forgetPending(events: Iterable<StoredEvent>): void {
    for (const { nid, eventId } of events) {
      this.#pending.delete(nid);
      this.#pendingNids.delete(eventId);
    }
  }

  /** Whether something was written about an event that is not committed yet. */
  isPending(nid: number): boolean {
    return this.#pending.has(nid);
  }

  /** Lets an event be found by its number before it is handed to a write. */
  announce(event: StoredEvent): void {
    this.#pending.set(event.nid, event);
  }

  /** The write was not to be: events that were announced under these numbers are forgotten. */
  forgetAnnounced(firstNid: number, count: number): void {
    for (let nid = firstNid; nid < firstNid + count; nid++) this.#pending.delete(nid);
  }

  /** Events of a write that failed. */
  forgetFailed(events: readonly StoredEvent[]): void {
    this.forgetPending(events);
    this.authEdges.forgetPending(events.map(({ nid }) => nid));
  }

  /** Marks an event as redacted by another. */
  writeRedacted(tx: Tx, event: StoredEvent, redactionNid: number, rules: RoomVersionRules): void {
    tx.run(sql`UPDATE events SET redacted_by_nid = ${redactionNid} WHERE event_nid = ${event.nid}`);
    const contentJson = redactedContent(event.type, event.contentJson, rules);
    tx.onCommit(() => this.remember(event.with({ redactedByNid: redactionNid, contentJson })));
  }

  /** Takes a redacted event's original content from the database as well. */
  writePruned(tx: Tx, event: StoredEvent): void {
    if (event.redactedByNid === undefined) throw new Error(`${event.eventId} is not redacted, so its content stays`);
    tx.run(sql`UPDATE event_json SET content = ${event.contentJson} WHERE event_nid = ${event.nid}`);
  }

  /** Puts an event into memory, over an older form of itself. */
  remember(event: StoredEvent): void {
    this.#cache.set(event.nid, event);
    this.#nidOfId.set(event.eventId, event.nid);
  }

  async #revive(rows: readonly EventRow[]): Promise<StoredEvent[]> {
    const ids = new Set<number>();
    for (const row of rows) {
      ids.add(row.type_nid).add(row.sender_nid);
      if (row.state_key_nid !== null) ids.add(row.state_key_nid);
    }
    const texts = await this.#names.textsOf([...ids]);
    const text = (id: number): string => {
      const found = texts.get(id);
      if (found === undefined) throw new Error(`the name with the number ${id} is gone`);
      return found;
    };
    return Promise.all(
      rows.map(async (row) => {
        const room = await this.#rooms.byNid(row.room_nid);
        return new StoredEvent({
          nid: row.event_nid,
          roomNid: row.room_nid,
          roomId: room.roomId,
          eventId: decodeEventId(row.event_id, room.rules),
          type: text(row.type_nid),
          sender: text(row.sender_nid) as UserId,
          senderNid: row.sender_nid,
          stateKey: row.state_key_nid === null ? undefined : text(row.state_key_nid),
          originServerTs: row.origin_server_ts,
          depth: row.depth,
          position: row.position ?? undefined,
          verdict: verdictOfCode(row.verdict),
          // An outlier has no state here; null in a row that has a place is the empty state.
          stateRoot: row.position === null ? undefined : stateRootFromBytes(row.state_root),
          roomRoot: row.room_root === null ? undefined : stateRootFromBytes(row.room_root),
          replacesNid: row.replaces_nid ?? undefined,
          redactedByNid: row.redacted_by_nid ?? undefined,
          contentJson: row.redacted_by_nid === null ? row.content : redactedContent(text(row.type_nid), row.content, room.rules),
          envelope: row.envelope,
        });
      }),
    );
  }
}

const eventColumns = [
  'event_nid',
  'room_nid',
  'position',
  'depth',
  'type_nid',
  'sender_nid',
  'state_key_nid',
  'origin_server_ts',
  'verdict',
  'event_id',
  'state_root',
  'room_root',
  'replaces_nid',
  'redacted_by_nid',
];

function eventRow({ event, typeNid, stateKeyNid }: NewEvent): SqlValue[] {
  return [
    event.nid,
    event.roomNid,
    event.position ?? null,
    event.depth,
    typeNid,
    event.senderNid,
    stateKeyNid ?? null,
    event.originServerTs,
    verdictCode(event.verdict),
    encodeEventId(event.eventId),
    rootBytes(event.stateRoot),
    rootBytes(event.roomRoot),
    event.replacesNid ?? null,
    event.redactedByNid ?? null,
  ];
}

function writeReason(tx: Tx, nid: number, reason: string): void {
  tx.run(sql`INSERT INTO event_verdicts (event_nid, reason) VALUES (${nid}, ${reason})
    ON CONFLICT (event_nid) DO UPDATE SET reason = excluded.reason`);
}

/** What redaction leaves of a content, as JSON. */
export function redactedContent(type: string, contentJson: string, rules: RoomVersionRules): string {
  return JSON.stringify(redactContent(type, JSON.parse(contentJson) as JsonObject, rules));
}

function rootBytes(root: StoredEvent['stateRoot']): Uint8Array | null {
  return root === undefined ? null : stateRootToBytes(root);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
