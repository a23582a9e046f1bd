import type { UserId } from '@myelin/protocol/identifiers';

import { ByteCache, stringBytes, type CacheBudget } from '../../../platform/cache/index.ts';
import type { StoredEvent, Viewer } from '../../../rooms/index.ts';

const limitBytes = 32_000_000;
const clientsAtMost = 20_000;

/**
 * Which membership events a client has been sent, so that it need not be sent them again. Kept in memory only, and bounded: what is
 * forgotten is sent once more, which the spec allows.
 * https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
 */
export class LazyMembers {
  /** A client, a room and a member, to the number of the event. */
  readonly #sent: ByteCache<string, number>;
  /** Of each client what names its memory, and the sync it asked for last; insertion order is order of use. */
  readonly #clients = new Map<string, { readonly name: string; readonly since: string | undefined }>();
  #names = 0;

  constructor(caches: CacheBudget) {
    this.#sent = new ByteCache({ budget: caches, cost: (_nid, key) => stringBytes(key), limitBytes });
  }

  /**
   * Names what is remembered of a client that asks for a sync. One that begins anew, or that asks for the same stretch again because
   * the answer did not arrive, may have none of it.
   */
  memoryOf(viewer: Viewer, since: string | undefined): string {
    const key = `${viewer.userNid} ${viewer.deviceId ?? ''}`;
    const known = this.#clients.get(key);
    this.#clients.delete(key);
    const isLost = known === undefined || since === undefined || known.since === since;
    const name = isLost ? String(++this.#names) : known.name;
    this.#clients.set(key, { name, since });
    if (this.#clients.size > clientsAtMost) {
      const oldest = this.#clients.keys().next().value;
      if (oldest !== undefined) this.#clients.delete(oldest);
    }
    return name;
  }

  /** Whether the client has this very event. */
  has(memory: string, member: StoredEvent): boolean {
    return this.#sent.get(keyOf(memory, member)) === member.nid;
  }

  /** Notes what the client is being sent. */
  sent(memory: string, member: StoredEvent): void {
    this.#sent.set(keyOf(memory, member), member.nid);
  }
}

function keyOf(memory: string, member: StoredEvent): string {
  return `${memory} ${member.roomNid} ${member.stateKey ?? ''}`;
}

/** The senders whose membership a client needs in order to show these events: not those who come in by one of them. */
export function sendersToShow(events: readonly StoredEvent[]): Set<UserId> {
  const senders = new Set<UserId>();
  const introduced = new Set<string>();
  for (const { type, stateKey, sender } of events) {
    if (type === 'm.room.member' && stateKey !== undefined && !senders.has(stateKey as UserId)) introduced.add(stateKey);
    if (!introduced.has(sender)) senders.add(sender);
  }
  return senders;
}
