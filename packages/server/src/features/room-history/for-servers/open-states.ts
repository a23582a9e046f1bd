import { limitExceeded } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

/** A state has as many events as its room has members, and they are read while they are sent. More at once is nothing but a burden. */
const mostOfOneServer = 4;
const pauseMs = 5_000;

/** How many whole states are on their way to each server. */
export class OpenStates {
  readonly #open = new Map<ServerName, number>();

  /** One more, until the function that it returns is called. Throws M_LIMIT_EXCEEDED where there are enough. */
  take(server: ServerName): () => void {
    const open = this.#open.get(server) ?? 0;
    if (open >= mostOfOneServer) throw limitExceeded(pauseMs);
    this.#open.set(server, open + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#open.get(server) ?? 1) - 1;
      if (left === 0) this.#open.delete(server);
      else this.#open.set(server, left);
    };
  }
}
