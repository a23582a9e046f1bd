import type { Pdu } from '@myelin/protocol/events';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { Rooms, StoredEvent } from '../../rooms/index.ts';
import type { Edu } from '../edu.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#transactions */
export const mostPdus = 50;
/** https://spec.matrix.org/v1.19/server-server-api/#transactions */
export const mostEdus = 100;

/** The body of a transaction. */
export interface Transaction {
  readonly origin: ServerName;
  readonly origin_server_ts: number;
  readonly pdus: readonly Pdu[];
  readonly edus: readonly { readonly edu_type: string; readonly content: Edu['content'] }[];
}

/**
 * Brings a transaction to another server. Resolves once that has answered with success; rejects where it has not, and also without having
 * tried where the server is not to be asked yet. `signal` aborts when this server ends.
 */
export type SendTransaction = (
  destination: ServerName,
  transactionId: string,
  transaction: Transaction,
  signal: AbortSignal,
) => Promise<void>;

const pdusInMemory = 2000;

/** Events in the form in which they go out; one that goes to a thousand servers is put together once. */
export class OutgoingPdus {
  readonly #rooms: Pick<Rooms, 'ids' | 'pdus'>;
  readonly #known = new Map<number, Promise<Pdu>>();

  constructor(rooms: Pick<Rooms, 'ids' | 'pdus'>) {
    this.#rooms = rooms;
  }

  of(events: readonly StoredEvent[]): Promise<Pdu[]> {
    return Promise.all(events.map((event) => this.#one(event)));
  }

  #one(event: StoredEvent): Promise<Pdu> {
    const known = this.#known.get(event.nid);
    if (known) return known;
    const building = this.#build(event);
    this.#known.set(event.nid, building);
    building.catch(() => this.#known.delete(event.nid));
    if (this.#known.size > pdusInMemory) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    return building;
  }

  async #build(event: StoredEvent): Promise<Pdu> {
    const room = await this.#rooms.ids.byNid(event.roomNid);
    const [pdu] = await this.#rooms.pdus.pdusOf([event], room.rules);
    if (!pdu) throw new Error(`${event.eventId} has no PDU`);
    return pdu;
  }
}

/** Lets so many things happen at once; the others wait in line. */
export class Places {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resume) => this.#line.push(resume));
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
