/** Whom a wake concerns: users by their nid, rooms by theirs, or everyone. */
export interface Audience {
  readonly users?: Iterable<number>;
  readonly rooms?: Iterable<number>;
  readonly everyone?: boolean;
}

/** Which users of this process's waiters a room reaches; plugged in by `rooms`, which knows the members. */
export type LocalMembers = (roomNid: number) => ReadonlySet<number> | undefined;

/** How a wait ended. `woken` says only that something may have moved: look at the streams. */
export type Wakening = 'woken' | 'timeout' | 'aborted';

/**
 * Registered before the first look at the streams, so that what happens between the look and the wait is not missed.
 * `close` it when done.
 */
export interface Waiter {
  /** Resolves at once if something happened since registration or since the last call. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<Wakening>;
  close(): void;
}

type WakeListener = (stream: string, position: number) => void;

/**
 * Parks readers and wakes those whom a change concerns, after its commit, with nothing but the news that a stream moved.
 * A parked reader costs one map entry and a timer; a wake costs work only for those it names.
 */
export class Notifier {
  readonly #waiters = new Map<number, Set<ParkedWaiter>>();
  readonly #listeners = new Set<WakeListener>();
  #localMembers: LocalMembers = () => undefined;
  #due = new Set<number>();
  #everyoneIsDue = false;
  #scheduled = false;

  /** How many readers wait now. */
  get waiting(): number {
    let sum = 0;
    for (const set of this.#waiters.values()) sum += set.size;
    return sum;
  }

  setLocalMembers(localMembers: LocalMembers): void {
    this.#localMembers = localMembers;
  }

  /** Durable consumers (push, application services, federation) follow whole streams, whoever is concerned. */
  onWake(listener: WakeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  register(userNid: number): Waiter {
    let set = this.#waiters.get(userNid);
    if (!set) this.#waiters.set(userNid, (set = new Set()));
    const parked = new ParkedWaiter(() => {
      set.delete(parked);
      if (set.size === 0 && this.#waiters.get(userNid) === set) this.#waiters.delete(userNid);
    });
    set.add(parked);
    return parked;
  }

  /**
   * Says that `stream` has reached `position`. Waiters are woken in the next turn of the event loop: the answer to the request that
   * made the change leaves first, so that a client knows its own event before its sync brings it.
   */
  wake(stream: string, position: number, audience: Audience): void {
    if (audience.everyone) this.#everyoneIsDue = true;
    for (const user of audience.users ?? []) if (this.#waiters.has(user)) this.#due.add(user);
    for (const room of audience.rooms ?? []) this.#addMembers(room);
    for (const listener of this.#listeners) listener(stream, position);
    if (this.#scheduled || (this.#due.size === 0 && !this.#everyoneIsDue)) return;
    this.#scheduled = true;
    setImmediate(() => this.#wakeDue());
  }

  #addMembers(room: number): void {
    const members = this.#localMembers(room);
    if (!members) return;
    // Whichever are fewer: most members of a large room wait for nothing.
    if (members.size <= this.#waiters.size) {
      for (const user of members) if (this.#waiters.has(user)) this.#due.add(user);
    } else {
      for (const user of this.#waiters.keys()) if (members.has(user)) this.#due.add(user);
    }
  }

  #wakeDue(): void {
    const due = this.#everyoneIsDue ? [...this.#waiters.keys()] : this.#due;
    this.#due = new Set();
    this.#everyoneIsDue = false;
    this.#scheduled = false;
    for (const user of due) for (const waiter of this.#waiters.get(user) ?? []) waiter.happened();
  }
}

class ParkedWaiter implements Waiter {
  #pending = false;
  #resolve: ((wakening: Wakening) => void) | undefined;
  readonly #unregister: () => void;

  constructor(unregister: () => void) {
    this.#unregister = unregister;
  }

  happened(): void {
    if (this.#resolve) this.#resolve('woken');
    else this.#pending = true;
  }

  wait(timeoutMs: number, signal?: AbortSignal): Promise<Wakening> {
    if (this.#pending) {
      this.#pending = false;
      return Promise.resolve('woken');
    }
    if (signal?.aborted) return Promise.resolve('aborted');
    return new Promise((resolve) => {
      const abort = (): void => done('aborted');
      const timer = setTimeout(() => done('timeout'), timeoutMs);
      const done = (wakening: Wakening): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#resolve = undefined;
        resolve(wakening);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#resolve = done;
    });
  }

  close(): void {
    this.#unregister();
  }
}
