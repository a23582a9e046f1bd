import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { RoomStates, State, StateKey } from '../state/index.ts';

/** A place on which some states do not agree, with what each of them has there. */
export interface KeyedConflict extends StateKey {
  readonly values: readonly (number | undefined)[];
}

/** Where some states differ. */
export class KeyedConflicts {
  readonly list: readonly KeyedConflict[];
  /**
   * Version 1 of the algorithm: places that some states lack and on which the others agree. No conflict there.
   * https://spec.matrix.org/v1.19/rooms/v1/#state-resolution
   */
  readonly filledIn: readonly (StateKey & { readonly event: number })[];
  readonly #keys: ReadonlySet<string>;

  constructor(differing: readonly KeyedConflict[], rules: RoomVersionRules) {
    const filledIn: (StateKey & { event: number })[] = [];
    this.list = differing.filter(({ type, stateKey, values }) => {
      const events = new Set(values.filter((value) => value !== undefined));
      const [only] = events;
      if (rules.stateResolution !== 'v1' || events.size !== 1 || only === undefined) return true;
      filledIn.push({ type, stateKey, event: only });
      return false;
    });
    this.filledIn = filledIn;
    this.#keys = new Set(this.list.map(({ type, stateKey }) => `${type} ${stateKey}`));
  }

  /** Whether the states disagree there. */
  has(type: number, stateKey: number): boolean {
    return this.#keys.has(`${type} ${stateKey}`);
  }
}

/** Compares states by the parts of their trees that they do not share: the work is that of the disagreement, not of the room. */
export async function findConflicts(
  states: RoomStates,
  roomNid: number,
  compared: readonly State[],
  rules: RoomVersionRules,
): Promise<KeyedConflicts> {
  const [first, ...others] = compared;
  if (first === undefined) return new KeyedConflicts([], rules);
  const keys = new Map<string, StateKey>();
  for (const other of others) {
    for (const { type, stateKey } of await states.tree.diff(roomNid, first, other)) {
      keys.set(`${type} ${stateKey}`, { type, stateKey });
    }
  }
  const places = [...keys.values()];
  const values: (number | undefined)[][] = [];
  for (const state of compared) values.push(await states.tree.getMany(roomNid, state, places));
  return new KeyedConflicts(
    places.map((place, index) => ({ ...place, values: values.map((ofState) => ofState[index]) })),
    rules,
  );
}
