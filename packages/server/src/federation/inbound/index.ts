import * as federation from '@myelin/protocol/api/federation';
import { mayHoldInexactNumbers, parseExactJson } from '@myelin/protocol/canonical-json';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import { route, type Route } from '../../platform/http/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Receiving, Rooms } from '../../rooms/index.ts';
import type { EduHandler } from '../edu.ts';
import { forgetAbandoned, inboxAtStart, putIntoInbox, type InboxEntry } from './pdu-inbox.store.ts';
import { Transactions, type TransactionNeeds } from './receive-transaction.ts';
import { forgetAnswers } from './received-transactions.store.ts';
import { roomDoor, type RoomDoorNeeds } from './room-door.ts';
import { RoomLanes } from './room-lanes.ts';
import type { ServerLimits } from './server-limits.ts';
import { UnprovenPdus } from './unproven-pdus.ts';

export { ServerLimits, type ServerLimitSettings } from './server-limits.ts';

export interface InboundNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rooms: Pick<Rooms, 'ids' | 'states' | 'memberships' | 'events'>;
  readonly receiving: Pick<Receiving, 'atTheDoor' | 'place'>;
  readonly limits: ServerLimits;
  /** Tells of servers that answer again. */
  readonly health?: { onSignOfLife(listener: (server: ServerName) => void): () => void };
  readonly aboutAbsentUsers?: RoomDoorNeeds['aboutAbsentUsers'];
}

/** Transactions of other servers. */
export interface InboundFederation {
  readonly routes: readonly Route[];
  /** Goes on with what was left in the inbox. From now on EDUs go to these handlers, by their type. */
  start(edus: Readonly<Record<string, EduHandler>>): void;
  /** Forgets old answers and what was given up long ago. */
  tidy(): Promise<void>;
  /** Ends with what is under way, within seconds; what waits is there after the next start. */
  stop(): Promise<void>;
}

const answersKeptMs = 2 * 24 * 3600_000;
const abandonedKeptMs = 14 * 24 * 3600_000;

/** Opens the inbox and makes the routes. */
export async function openInbound(needs: InboundNeeds): Promise<InboundFederation> {
  const { database, clock } = needs;
  const { rooms, waitingOf, lastId } = await inboxAtStart(database);
  let handlers: Readonly<Record<string, EduHandler>> = {};
  let lastInboxId = lastId;
  let forgetHealth: (() => void) | undefined;
  const onLeft = ({ originNid }: InboxEntry): void => {
    const left = (waitingOf.get(originNid) ?? 1) - 1;
    if (left <= 0) waitingOf.delete(originNid);
    else waitingOf.set(originNid, left);
  };
  const lanes = new RoomLanes({ ...needs, onLeft });
  const nextInboxId = (): number => ++lastInboxId;
  const intoInbox: TransactionNeeds['intoInbox'] = (tx, roomNid, entries) => {
    putIntoInbox(tx, roomNid, entries, clock.now());
    tx.onCommit(() => {
      for (const { originNid } of entries) waitingOf.set(originNid, (waitingOf.get(originNid) ?? 0) + 1);
      lanes.accept(roomNid, entries);
    });
  };
  const atTheDoor = roomDoor(needs);
  const unproven = await UnprovenPdus.open({
    ...needs,
    atTheDoor,
    accept(tx, roomNid, originNid, pdus) {
      const entries = pdus.map(({ eventId, pdu }) => ({ id: nextInboxId(), originNid, eventId, pdu, attempts: 0 }));
      intoInbox(tx, roomNid, entries);
    },
  });
  const transactions = new Transactions({
    ...needs,
    atTheDoor,
    unproven,
    waitingOf,
    nextInboxId,
    intoInbox,
    edus: () => handlers,
  });
  return {
    routes: [
      route(federation.sendTransaction, async ({ params, body, requester, request }) => ({
        pdus: await transactions.receive({
          origin: requester.origin,
          transactionId: params.txnId,
          claimedOrigin: body.origin,
          pdus: exactPdusOf(request.bodyText) ?? body.pdus ?? [],
          edus: body.edus ?? [],
        }),
      })),
    ],
    start(edus) {
      handlers = edus;
      lanes.resume(rooms);
      unproven.start();
      forgetHealth = needs.health?.onSignOfLife((server) => unproven.heardFrom(server));
    },
    tidy: () =>
      database.write((tx) => {
        forgetAnswers(tx, clock.now() - answersKeptMs);
        forgetAbandoned(tx, clock.now() - abandonedKeptMs);
      }),
    async stop() {
      forgetHealth?.();
      await unproven.stop();
      await lanes.stop();
    },
  };
}

/** Reads a body again where it may hold numbers that have lost their spelling; it has kept the contract. */
function exactPdusOf(bodyText = ''): readonly unknown[] | undefined {
  if (!mayHoldInexactNumbers(bodyText)) return undefined;
  return (parseExactJson(bodyText) as { readonly pdus?: readonly unknown[] }).pdus;
}
