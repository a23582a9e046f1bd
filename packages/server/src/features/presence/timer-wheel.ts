/**
 * Moments at which users are to be looked at again, in slots of some seconds: a user who is seen a thousand times a minute costs a
 * look into a set each time, and no timer. Early looks do no harm, so nothing is ever taken out.
 */
export class TimerWheel {
  readonly #slotMs: number;
  readonly #slots = new Map<number, Set<number>>();

  constructor(slotMs: number) {
    this.#slotMs = slotMs;
  }

  /** Has the user come up at this moment or up to one slot later. */
  add(userNid: number, moment: number): void {
    const slot = Math.ceil(moment / this.#slotMs);
    const users = this.#slots.get(slot);
    if (users) users.add(userNid);
    else this.#slots.set(slot, new Set([userNid]));
  }

  /** Takes the users whose moment has come. */
  take(now: number): Set<number> {
    const due = new Set<number>();
    for (const [slot, users] of this.#slots) {
      if (slot * this.#slotMs > now) continue;
      this.#slots.delete(slot);
      for (const userNid of users) due.add(userNid);
    }
    return due;
  }
}
