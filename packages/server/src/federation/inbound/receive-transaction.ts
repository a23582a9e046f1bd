import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import { forbidden, limitExceeded } from '@myelin/protocol/errors';
import { domainOf, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import {
  DatabaseFullError,
  DatabaseUnavailableError,
  type Database,
  type Interner,
  type Tx,
} from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import { Turns } from '../../platform/turns.ts';
import type { Rooms } from '../../rooms/index.ts';
import { readEdu, type EduHandler } from '../edu.ts';
import type { InboxEntry } from './pdu-inbox.store.ts';
import { answerOf, putAnswer } from './received-transactions.store.ts';
import type { RoomDoor } from './room-door.ts';
import type { ServerLimits } from './server-limits.ts';
import type { NewUnproven, UnprovenPdus } from './unproven-pdus.ts';

/** What another server has sent; its limits were checked at the door of the route. */
export interface IncomingTransaction {
  /** Who signed the request. */
  readonly origin: ServerName;
  readonly transactionId: string;
  /** Who the body says it is from. */
  readonly claimedOrigin: string | undefined;
  /** With numbers as they were spelt: rooms of the oldest versions hash them so, and the others take nothing but plain integers. */
  readonly pdus: readonly unknown[];
  readonly edus: readonly unknown[];
}

/** By event id: empty where the event is taken, else with a sentence that says why not. */
export type PduResults = Record<string, { error?: string }>;

/** What came in, by what is to become of it. */
interface CheckedPdus {
  /** Those that may go on to their rooms, by room. */
  readonly accepted: ReadonlyMap<number, readonly InboxEntry[]>;
  readonly unproven: readonly NewUnproven[];
}

export interface TransactionNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rooms: Pick<Rooms, 'ids' | 'events'>;
  readonly atTheDoor: RoomDoor;
  readonly limits: ServerLimits;
  /** How many events of each server wait in the inbox. */
  readonly waitingOf: Map<number, number>;
  readonly nextInboxId: () => number;
  /** Stores entries of a room, which hears of them once they are durable. */
  readonly intoInbox: (tx: Tx, roomNid: number, entries: readonly InboxEntry[]) => void;
  /** Where events wait whose keys cannot be had. */
  readonly unproven: Pick<UnprovenPdus, 'admits' | 'keep'>;
  readonly edus: () => Readonly<Record<string, EduHandler>>;
}

/** Beyond so many events that wait for their rooms, their server hears that it is to send more slowly. */
const mostWaitingOfOneServer = 5000;
const pauseMs = 10_000;
const transactionsAtOnce = 20;

/**
 * Takes transactions in: those of one server one after another. The answer leaves as soon as what must not be lost is durable; what the
 * events mean is worked out afterwards, room by room.
 * https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
export class Transactions {
  readonly #needs: TransactionNeeds;
  readonly #turns = new Turns<ServerName>();
  readonly #underWay = new Map<string, Promise<PduResults>>();
  readonly #waiting = new Map<ServerName, number>();

  constructor(needs: TransactionNeeds) {
    this.#needs = needs;
  }

  /**
   * Throws M_FORBIDDEN for a body that claims another origin, M_LIMIT_EXCEEDED for a server that sends too much. A transaction that comes
   * again gets the answer of the first time.
   */
  async receive(transaction: IncomingTransaction): Promise<PduResults> {
    const { origin, transactionId, claimedOrigin } = transaction;
    if (claimedOrigin !== undefined && claimedOrigin !== origin) {
      throw forbidden(`The transaction is signed by ${origin} and says that it is from ${claimedOrigin}`);
    }
    const key = `${origin} ${transactionId}`;
    const underWay = this.#underWay.get(key);
    if (underWay) return underWay;
    const waiting = this.#waiting.get(origin) ?? 0;
    if (waiting >= transactionsAtOnce) throw limitExceeded(pauseMs);
    this.#waiting.set(origin, waiting + 1);
    const answer = this.#turns
      .take(origin, () => this.#needs.limits.run(origin, () => this.#receiveOnce(transaction)))
      .finally(() => {
        this.#underWay.delete(key);
        const left = (this.#waiting.get(origin) ?? 1) - 1;
        if (left === 0) this.#waiting.delete(origin);
        else this.#waiting.set(origin, left);
      });
    this.#underWay.set(key, answer);
    return answer;
  }

  async #receiveOnce(transaction: IncomingTransaction): Promise<PduResults> {
    const { origin, transactionId, pdus, edus } = transaction;
    const { database, names, waitingOf } = this.#needs;
    const originNid = await names.idOf(origin);
    // Ephemeral messages do no harm when they come twice: of them alone nothing is written down.
    if (pdus.length > 0) {
      const before = await answerOf(database, originNid, transactionId);
      if (before !== undefined) return JSON.parse(before) as PduResults;
      if ((waitingOf.get(originNid) ?? 0) >= mostWaitingOfOneServer) throw limitExceeded(pauseMs);
    }
    const results: PduResults = {};
    const [checked] = await Promise.all([this.#checkPdus(transaction, originNid, results), this.#dispatch(origin, edus)]);
    if (pdus.length > 0) await this.#store(originNid, transactionId, checked, results);
    return results;
  }

  /** Sorts the events; `results` says of each that it is taken, or why not. */
  async #checkPdus({ origin, pdus }: IncomingTransaction, originNid: number, results: PduResults): Promise<CheckedPdus> {
    const byRoom = Map.groupBy(pdus.keys(), (index) => {
      const pdu = pdus[index];
      return isJsonObject(pdu) ? own(pdu, 'room_id') : undefined;
    });
    const accepted = new Map<number, InboxEntry[]>();
    const unproven: NewUnproven[] = [];
    await Promise.all(
      [...byRoom].map(async ([roomId, indices]) => {
        // Of a room that nobody here knows not even the ids of the events can be told.
        const room = typeof roomId === 'string' && roomId.isWellFormed() ? await this.#needs.rooms.ids.find(roomId) : undefined;
        if (!room) return;
        const ofRoom = indices.map((index) => pdus[index]);
        const verdicts = await this.#needs.atTheDoor(room, origin, ofRoom);
        const passed = verdicts.flatMap((verdict) => (verdict.ok ? verdict.eventId : []));
        const known = await this.#needs.rooms.events.byIds(passed);
        const entries: InboxEntry[] = [];
        for (const [index, verdict] of verdicts.entries()) {
          if (verdict.eventId === undefined || !verdict.eventId.isWellFormed()) continue;
          results[verdict.eventId] = verdict.ok ? {} : { error: verdict.reason };
          if (!verdict.ok && verdict.temporary === true && this.#needs.unproven.admits(originNid)) {
            results[verdict.eventId] = { error: `${verdict.reason}; it will be asked for again` };
            unproven.push({
              roomNid: room.nid,
              eventId: verdict.eventId,
              originNid,
              server: serverOf(ofRoom[index]),
              pdu: ofRoom[index],
            });
          }
          // What has its place in the room is not worked on again; what was only known of may get one now.
          if (!verdict.ok || known.get(verdict.eventId)?.position !== undefined) continue;
          const { eventId, pdu } = verdict;
          entries.push({ id: this.#needs.nextInboxId(), originNid, eventId, pdu, attempts: 0 });
        }
        if (entries.length > 0) accepted.set(room.nid, entries);
      }),
    );
    return { accepted, unproven };
  }

  async #store(
    originNid: number,
    transactionId: string,
    { accepted, unproven }: CheckedPdus,
    results: PduResults,
  ): Promise<void> {
    const { database, clock } = this.#needs;
    await database.write((tx) => {
      for (const [roomNid, entries] of accepted) this.#needs.intoInbox(tx, roomNid, entries);
      this.#needs.unproven.keep(tx, unproven);
      putAnswer(tx, originNid, transactionId, JSON.stringify(results), clock.now());
    });
  }

  async #dispatch(origin: ServerName, edus: readonly unknown[]): Promise<void> {
    const handlers = this.#needs.edus();
    for (const value of edus) {
      const edu = readEdu(value);
      const handler = edu && Object.hasOwn(handlers, edu.type) ? handlers[edu.type] : undefined;
      if (!edu || !handler) continue;
      try {
        await handler({ ...edu, origin });
      } catch (error) {
        // What could not be written down is to come again: the transaction fails, and its server sends it once more.
        if (error instanceof DatabaseUnavailableError || error instanceof DatabaseFullError) throw error;
        // One that we cannot take must not keep the others, or the events, from coming in.
        this.#needs.logger.error({ err: error, origin, edu: edu.type }, 'an ephemeral message could not be taken in');
      }
    }
  }
}

/** The server of an event's sender: of those that must have signed it the one whose keys are most likely missing. */
function serverOf(pdu: unknown): string {
  const sender = isJsonObject(pdu) ? own(pdu, 'sender') : undefined;
  return typeof sender === 'string' ? domainOf(sender as UserId) : '';
}
