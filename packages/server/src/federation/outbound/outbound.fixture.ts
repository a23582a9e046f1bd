import type { ServerName, UserId } from '@myelin/protocol/identifiers';

import type { Hive } from '../../features/hive.fixture.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { RemoteError } from '../../remote-servers/index.ts';
import type { Viewer } from '../../rooms/index.ts';
import { OutboundFederation, type Transaction } from './index.ts';

export const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The other servers: each takes what it is sent unless a test says that it is down. */
export class PretendedNetwork {
  readonly received: { readonly server: ServerName; readonly id: string; readonly transaction: Transaction }[] = [];
  readonly attempts = new Map<ServerName, number>();
  readonly down = new Set<ServerName>();
  /** Servers that take their time: their answer waits for this. */
  readonly slow = new Map<ServerName, Promise<void>>();
  /** What a server refuses a transaction for, wherever it stands in there. */
  readonly refuses = new Map<ServerName, string>();
  readonly underWay = new Map<ServerName, number>();
  mostUnderWay = 0;
  readonly retryAt = new Map<ServerName, number>();
  readonly #listeners: ((server: ServerName) => void)[] = [];

  readonly health = {
    of: async (server: ServerName) => ({ retryAt: this.retryAt.get(server) }),
    onSignOfLife: (listener: (server: ServerName) => void) => {
      this.#listeners.push(listener);
      return () => void this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    },
  };

  heardFrom(server: ServerName): void {
    for (const listener of this.#listeners) listener(server);
  }

  readonly send = async (server: ServerName, id: string, transaction: Transaction): Promise<void> => {
    this.attempts.set(server, (this.attempts.get(server) ?? 0) + 1);
    const underWay = (this.underWay.get(server) ?? 0) + 1;
    this.underWay.set(server, underWay);
    this.mostUnderWay = Math.max(this.mostUnderWay, underWay);
    try {
      await this.slow.get(server);
      if (this.down.has(server)) throw new Error(`${server} is down`);
      const refused = this.refuses.get(server);
      if (refused !== undefined && JSON.stringify(transaction).includes(refused)) {
        throw new RemoteError('refused', 'it is not taken', { status: 400, errcode: 'M_BAD_JSON' });
      }
      this.received.push({ server, id, transaction });
    } finally {
      this.underWay.set(server, (this.underWay.get(server) ?? 1) - 1);
    }
  };

  /** What a server has been told, event by event: the text of messages, the membership of members. */
  told(server: ServerName): string[] {
    return this.received
      .filter((one) => one.server === server)

      .flatMap(({ transaction }) => transaction.pdus.map(({ content }) => (content['body'] ?? content['membership']) as string));
  }

  edus(server: ServerName): { edu_type: string; content: Readonly<Record<string, unknown>> }[] {
    return this.received.filter((one) => one.server === server).flatMap(({ transaction }) => [...transaction.edus]);
  }
}

export async function openOutbound(
  hive: Hive,
  network = new PretendedNetwork(),
): Promise<{ outbound: OutboundFederation; network: PretendedNetwork }> {
  const outbound = await OutboundFederation.open({
    ...hive,
    random: createSeededRandom(5),
    send: network.send,
    health: network.health,
    federatesWith: () => true,
  });
  await outbound.start();
  return { outbound, network };
}

/** Waits until something has happened, without moving the clock. */
export async function until(enough: () => boolean): Promise<void> {
  for (let turn = 0; !enough(); turn++) {
    if (turn > 20_000) throw new Error('it does not happen');
    await turns();
  }
}

/** Somebody who lives on another server. */
export async function stranger(hive: Hive, name: string, server: ServerName): Promise<Viewer> {
  const userId = `@${name}:${server}` as UserId;
  return { userId, userNid: await hive.names.idOf(userId), isGuest: false };
}
