import { isJsonObject } from '@myelin/protocol/canonical-json';
import type { Pdu } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { Hive } from '../../features/hive.fixture.ts';
import type { DoorVerdict, Received, Receiving } from '../../rooms/index.ts';
import { openInbound, ServerLimits, type InboundFederation } from './index.ts';

export const elsewhere = 'elsewhere.example' as ServerName;

/** As Synapse has them, but for hurried tests. */
export const noLimits = { window_size: 1000, sleep_limit: 1_000_000, sleep_delay: 500, reject_limit: 1_000_000, concurrent: 100 };

/** A room engine that takes whatever a test lets it take, and writes down what came. */
export class PretendedRooms implements Pick<Receiving, 'atTheDoor' | 'place'> {
  /** Ids in the order in which their rooms took them. */
  readonly taken: EventId[] = [];
  readonly attempts: EventId[] = [];
  /** What happens to an event; nothing special unless a test says so. */
  onReceive: (eventId: EventId) => void | Promise<void> = () => undefined;
  /** Whether the keys of third servers can be had. */
  hasKeys = true;
  /** How often events were brought to the door. */
  atDoor = 0;
  /** How long its write takes, and whether it fails. */
  onWrite: (eventId: EventId) => Promise<void> = () => Promise.resolve();
  readonly #watchers: { enough(): boolean; resolve(): void }[] = [];

  async atTheDoor(_room: unknown, pdus: readonly unknown[]): Promise<DoorVerdict[]> {
    this.atDoor += 1;
    this.#look();
    return pdus.map((pdu) => {
      const eventId = isJsonObject(pdu) ? (pdu['event_id'] as EventId | undefined) : undefined;
      if (eventId?.startsWith('$forged')) return { ok: false, eventId, reason: 'the signature is not right' };
      if (eventId?.startsWith('$third') && !this.hasKeys) {
        return { ok: false, eventId, reason: 'no key of third.example is known', temporary: true };
      }
      return eventId
        ? { ok: true, eventId, pdu: pdu as Pdu, event: undefined as never }
        : { ok: false, eventId, reason: 'no event' };
    });
  }

  async place(_room: unknown, { eventId }: { readonly eventId: EventId }): Promise<Received> {
    this.attempts.push(eventId);
    this.#look();
    await this.onReceive(eventId);
    this.taken.push(eventId);
    this.#look();
    return { outcome: { outcome: 'accepted' }, durable: this.onWrite(eventId) };
  }

  /** Resolves once the condition holds. */
  async until(enough: () => boolean): Promise<void> {
    if (!enough()) await new Promise<void>((resolve) => this.#watchers.push({ enough, resolve }));
  }

  #look(): void {
    for (const watcher of this.#watchers.splice(0)) {
      if (watcher.enough()) watcher.resolve();
      else this.#watchers.push(watcher);
    }
  }
}

/** An event as far as the pretended rooms look at it. */
export function pdu(roomId: string, eventId: string, follows: readonly string[] = []): Record<string, unknown> {
  return { room_id: roomId, event_id: eventId, type: 'm.room.message', content: {}, prev_events: follows, auth_events: [] };
}

/** Opens the inbound side over pretended rooms. */
export async function openPretended(
  hive: Hive,
  rooms = new PretendedRooms(),
): Promise<{ inbound: InboundFederation; rooms: PretendedRooms; answersAgain(server: string): void }> {
  const limits = new ServerLimits(noLimits, hive.clock);
  const listeners = new Set<(server: ServerName) => void>();
  const health = {
    onSignOfLife(listener: (server: ServerName) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return {
    inbound: await openInbound({ ...hive, receiving: rooms, limits, health }),
    rooms,
    answersAgain: (server) => listeners.forEach((listener) => listener(server as ServerName)),
  };
}

interface Sent {
  readonly pdus?: readonly unknown[];
  readonly edus?: readonly unknown[];
  readonly origin?: string;
}

/** Sends a transaction through the route's handler, as the HTTP server does once the request is proven. */
export async function sends(
  inbound: InboundFederation,
  transactionId: string,
  body: Sent,
  origin: ServerName = elsewhere,
): Promise<Record<string, { error?: string }>> {
  const [sendTransaction] = inbound.routes;
  const handler = sendTransaction?.handler as (input: unknown) => Promise<{ pdus: Record<string, { error?: string }> }>;
  const request = { bodyText: JSON.stringify(body) };
  const answer = await handler({ params: { txnId: transactionId }, body, requester: { kind: 'server', origin }, request });
  return answer.pdus;
}
