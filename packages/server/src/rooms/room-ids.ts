import type { RoomId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';

import { sql, type Database, type Tx } from '../platform/database/index.ts';

/** What never changes about a room. */
export interface RoomIdentity {
  readonly nid: number;
  readonly roomId: RoomId;
  readonly rules: RoomVersionRules;
}

interface RoomRow {
  room_nid: number;
  room_id: string;
  version: string;
}

const limit = 20_000;

/** Finds rooms by their id and by our integer for it. Remembers the ones asked for last. */
export class RoomIds {
  readonly #database: Database;
  readonly #byId = new Map<string, RoomIdentity>();
  readonly #byNid = new Map<number, RoomIdentity>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Undefined where this server has never heard of the room. */
  async find(roomId: string): Promise<RoomIdentity | undefined> {
    const known = this.#byId.get(roomId);
    if (known) return known;
    const row = await this.#database.get<RoomRow>(sql`SELECT room_nid, room_id, version FROM rooms WHERE room_id = ${roomId}`);
    return row && this.#remember(row);
  }

  /** @throws Error where no room has that integer: it came from our own database, so it must. */
  async byNid(nid: number): Promise<RoomIdentity> {
    return this.#byNid.get(nid) ?? this.#load(nid);
  }

  /** The same from memory, for those who cannot wait. */
  knownByNid(nid: number): RoomIdentity | undefined {
    return this.#byNid.get(nid);
  }

  /** Writes a new room; its row and its first event belong to one transaction. */
  create(tx: Tx, room: RoomIdentity): void {
    tx.run(sql`INSERT INTO rooms (room_nid, room_id, version) VALUES (${room.nid}, ${room.roomId}, ${room.rules.id})`);
    tx.onCommit(() => this.#add(room));
  }

  /** Puts right what is written of a room: its version was told wrongly. */
  revise(tx: Tx, room: RoomIdentity): void {
    tx.run(sql`UPDATE rooms SET version = ${room.rules.id} WHERE room_nid = ${room.nid}`);
    tx.onCommit(() => this.#add(room));
  }

  /** The integer after the largest in use. */
  async nextNid(): Promise<number> {
    const row = await this.#database.get<{ largest: number | null }>(sql`SELECT MAX(room_nid) AS largest FROM rooms`);
    return (row?.largest ?? 0) + 1;
  }

  async #load(nid: number): Promise<RoomIdentity> {
    const row = await this.#database.get<RoomRow>(sql`SELECT room_nid, room_id, version FROM rooms WHERE room_nid = ${nid}`);
    if (!row) throw new Error(`no room has the number ${nid}`);
    return this.#remember(row);
  }

  #remember(row: RoomRow): RoomIdentity {
    const rules = roomVersionRules(row.version);
    if (!rules) throw new Error(`room ${row.room_id} has version ${row.version}, which this server does not know`);
    return this.#add({ nid: row.room_nid, roomId: row.room_id as RoomId, rules });
  }

  #add(room: RoomIdentity): RoomIdentity {
    this.#byId.set(room.roomId, room);
    this.#byNid.set(room.nid, room);
    if (this.#byNid.size > limit) {
      const oldest = this.#byNid.values().next().value;
      if (oldest) {
        this.#byNid.delete(oldest.nid);
        this.#byId.delete(oldest.roomId);
      }
    }
    return room;
  }
}
