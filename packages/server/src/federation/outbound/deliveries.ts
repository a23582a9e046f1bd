import type { ServerName } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../../rooms/index.ts';

/** An event on its way to some servers. */
export interface Delivery {
  readonly event: StoredEvent;
  /** It is not one of our own users': nothing but this would bring it to a server that was away. */
  readonly isRelay: boolean;
  /** One server has it, or is written down as not having it. */
  settle(): void;
}

/** Keeps account of what is under way: up to which position of the events stream every server has been dealt with. */
export class Deliveries {
  /** Positions under way, in order, with how many servers are left. */
  readonly #open = new Map<number, number>();
  #distributed: number;

  constructor(position: number) {
    this.#distributed = position;
  }

  /** Up to here all events have been handed to their servers' queues. */
  get distributed(): number {
    return this.#distributed;
  }

  /** Up to here nothing more is to be done, whatever happens to this process. */
  get settled(): number {
    for (const oldest of this.#open.keys()) return oldest - 1;
    return this.#distributed;
  }

  /** An event goes out to so many servers. Events are opened in order. */
  open(event: StoredEvent, servers: number): Delivery {
    const position = event.nid;
    if (servers > 0) this.#open.set(position, servers);
    return {
      event,
      isRelay: false,
      settle: () => {
        const left = (this.#open.get(position) ?? 1) - 1;
        if (left <= 0) this.#open.delete(position);
        else this.#open.set(position, left);
      },
    };
  }

  distributedUpTo(position: number): void {
    this.#distributed = position;
  }
}

/** An event of somebody else that goes out to so many servers; `done` when all of them are dealt with. */
export function openRelay(event: StoredEvent, servers: number, done: () => void): Delivery {
  let left = servers;
  if (left === 0) done();
  return {
    event,
    isRelay: true,
    settle: () => {
      left -= 1;
      if (left === 0) done();
    },
  };
}

/** Whether a server that is away must be told of this very event when it is back. */
export function isOwed({ event, isRelay }: Delivery, server: ServerName): boolean {
  return isRelay || (event.type === 'm.room.member' && event.stateKey?.endsWith(`:${server}`) === true);
}
