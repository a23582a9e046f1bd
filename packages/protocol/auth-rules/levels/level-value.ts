import type { Json } from '../../events/pdu.ts';
import type { RoomVersionRules } from '../../room-versions/index.ts';

/**
 * A power level as a room version writes it, or undefined where the value is none.
 * - Version 10 and later: an integer.
 * - Before: also a string with a base 10 integer, with leading zeroes, a sign and white space around it allowed;
 *   https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-strings
 * - Before version 6: also a float, cut at the decimal point;
 *   https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-floats
 */
export function readLevel(value: Json | undefined, rules: RoomVersionRules): number | undefined {
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return value;
    // JSON numbers beyond a double arrive as infinities, which the spec refuses by name.
    return rules.strictCanonicalJson || !Number.isFinite(value) ? undefined : Math.trunc(value);
  }
  if (typeof value === 'string' && !rules.integerPowerLevels && /^\s*[+-]?[0-9]+\s*$/.test(value)) {
    const level = Number(value);
    return Number.isFinite(level) ? level : undefined;
  }
  return undefined;
}
