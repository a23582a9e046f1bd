import type { JsonObject } from '../../events/pdu.ts';
import type { RoomVersionRules } from '../../room-versions/index.ts';
import { isObject, property } from '../content.ts';
import type { StateEvent, StateLookup } from '../state-lookup.ts';
import { isCreator } from './creators.ts';
import { readLevel } from './level-value.ts';

/** The power levels in force, defaults filled in; https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels */
export interface PowerLevels {
  /** What a user may do; `Infinity` for creators from room version 12. */
  of(userId: string): number;
  /** The level needed to send an event of a type, as state or as a message. */
  required(type: string, kind: 'state' | 'message'): number;
  readonly invite: number;
  readonly kick: number;
  readonly ban: number;
  readonly redact: number;
}

/**
 * Reads the power levels that a create event and a power levels event (either may be absent) make together. A value that is no
 * level in this room version counts as not there.
 */
export function effectivePowerLevels(
  create: StateEvent | undefined,
  powerLevels: StateEvent | undefined,
  rules: RoomVersionRules,
): PowerLevels {
  const content: JsonObject = powerLevels?.content ?? {};
  const level = (name: string, otherwise: number) => readLevel(property(content, name), rules) ?? otherwise;
  const entry = (map: string, name: string) => {
    const entries = property(content, map);
    return isObject(entries) ? readLevel(property(entries, name), rules) : undefined;
  };
  return {
    of(userId) {
      const created = create !== undefined && isCreator(userId, create, rules);
      if (created && rules.privilegedCreators) return Infinity;
      // If the room contains no m.room.power_levels event, the room's creator has a power level of 100, and all others 0.
      if (!powerLevels) return created ? 100 : 0;
      return entry('users', userId) ?? level('users_default', 0);
    },
    required(type, kind) {
      return entry('events', type) ?? (kind === 'state' ? level('state_default', 50) : level('events_default', 0));
    },
    get invite() {
      return level('invite', 0);
    },
    get kick() {
      return level('kick', 50);
    },
    get ban() {
      return level('ban', 50);
    },
    get redact() {
      return level('redact', 50);
    },
  };
}

/** The power levels of a room's state. */
export function powerLevelsIn(state: StateLookup, rules: RoomVersionRules): PowerLevels {
  return effectivePowerLevels(state('m.room.create', ''), state('m.room.power_levels', ''), rules);
}

/** A user's power level in a room's state; `Infinity` for creators from room version 12. */
export function powerLevelOf(userId: string, state: StateLookup, rules: RoomVersionRules): number {
  return powerLevelsIn(state, rules).of(userId);
}

/** The power level that an event's type asks of its sender, membership and redaction of others aside. */
export function requiredPowerLevel(type: string, kind: 'state' | 'message', state: StateLookup, rules: RoomVersionRules): number {
  return powerLevelsIn(state, rules).required(type, kind);
}
