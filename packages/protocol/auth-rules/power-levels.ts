import type { Json, JsonObject } from '../events/pdu.ts';
import { isUserId } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import type { AuthCase } from './auth-case.ts';
import { isObject, property } from './content.ts';
import { isCreator } from './levels/creators.ts';
import { readLevel } from './levels/level-value.ts';
import { allow, reject } from './verdict.ts';
import type { Verdict } from './verdict.ts';

const namedLevels = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite'];

/** The rule for `m.room.power_levels`; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authorisePowerLevels({ event, rules, state, create, levels }: AuthCase): Verdict {
  const next = event.content;
  const isLevel = (value: Json | undefined) => readLevel(value, rules) !== undefined;

  if (rules.integerPowerLevels) {
    // [v10+] If any of the properties users_default, events_default, state_default, ban, redact, kick, or invite in content are
    // present and not an integer, reject.
    const odd = namedLevels.find((name) => Object.hasOwn(next, name) && !isLevel(next[name]));
    if (odd !== undefined) return reject(`${odd} is not an integer`);

    // [v10+] If either of the properties events or notifications in content are present and not an object with values that are
    // integers, reject.
    for (const map of ['events', 'notifications']) {
      const entries = property(next, map);
      if (entries === undefined) continue;
      if (!isObject(entries)) return reject(`${map} is not an object`);
      const oddEntry = Object.keys(entries).find((key) => !isLevel(entries[key]));
      if (oddEntry !== undefined) return reject(`the level of ${oddEntry} in ${map} is not an integer`);
    }
  }

  // If the users property in content is not an object with keys that are valid user IDs with values that are integers [v1–v9: (or
  // a string that is an integer)], reject.
  const users = property(next, 'users') ?? (Object.hasOwn(next, 'users') ? null : {});
  if (!isObject(users)) return reject('users is not an object');
  for (const [userId, level] of Object.entries(users)) {
    if (!isUserId(userId)) return reject(`users has ${JSON.stringify(userId)}, which is not a user id`);
    if (!isLevel(level)) return reject(`the level of ${userId} is not an integer`);
  }

  // [v12] If the users property in content contains the sender of the m.room.create event or any of the additional_creators array
  // (if present) from the content of the m.room.create event, reject.
  if (rules.privilegedCreators) {
    const creator = Object.keys(users).find((userId) => isCreator(userId, create, rules));
    if (creator !== undefined) return reject(`users has ${creator}, who created the room and stands above all levels`);
  }

  // If there is no previous m.room.power_levels event in the room, allow.
  const current = state('m.room.power_levels', '')?.content;
  if (!current) return allow;

  const sendersLevel = levels.of(event.sender);

  // For the properties users_default, events_default, state_default, ban, redact, kick, invite check if they were added, changed
  // or removed. For each found alteration: If the current value is greater than the sender's current power level, reject. If the
  // new value is greater than the sender's current power level, reject.
  const named = alterations(pick(current), pick(next), rules);
  // For each entry being changed in, or removed from, the events [v6+: or notifications] properties: If the current value is
  // greater than the sender's current power level, reject. For each entry being added to, or changed in, the events [v6+: or
  // notifications] properties: If the new value is greater than the sender's current power level, reject.
  const maps = rules.notificationLevelsAreGuarded ? ['events', 'notifications'] : ['events'];
  for (const change of [...named, ...maps.flatMap((map) => alterations(property(current, map), property(next, map), rules))]) {
    if (change.unreadable) return reject(`the new level of ${change.name} is not an integer`);
    if (change.from !== undefined && change.from > sendersLevel) {
      return reject(`${change.name} is at ${change.from}, above the ${sendersLevel} of ${event.sender}`);
    }
    if (change.to !== undefined && change.to > sendersLevel) {
      return reject(`${change.name} is set to ${change.to}, above the ${sendersLevel} of ${event.sender}`);
    }
  }

  for (const change of alterations(property(current, 'users'), users, rules)) {
    // For each entry being changed in, or removed from, the users property, other than the sender's own entry: If the current
    // value is greater than or equal to the sender's current power level, reject.
    if (change.name !== event.sender && change.from !== undefined && change.from >= sendersLevel) {
      return reject(`${change.name} is at ${change.from}, not below the ${sendersLevel} of ${event.sender}`);
    }
    // For each entry being added to, or changed in, the users property: If the new value is greater than the sender's current
    // power level, reject.
    if (change.to !== undefined && change.to > sendersLevel) {
      return reject(`${change.name} is set to ${change.to}, above the ${sendersLevel} of ${event.sender}`);
    }
  }

  // Otherwise, allow.
  return allow;
}

interface Alteration {
  readonly name: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Something stands there that is no level (possible before version 10 only), so that no comparison can allow it. */
  readonly unreadable: boolean;
}

function pick(content: JsonObject): JsonObject {
  return Object.fromEntries(namedLevels.filter((name) => Object.hasOwn(content, name)).map((name) => [name, content[name]]));
}

/** What differs between two maps of levels. Levels are compared by value: `"50"` and `50` are one. */
function alterations(current: Json | undefined, next: Json | undefined, rules: RoomVersionRules): Alteration[] {
  const before = isObject(current) ? current : {};
  if (next !== undefined && !isObject(next))
    return [{ name: 'the map of levels', from: undefined, to: undefined, unreadable: true }];
  const after = next ?? {};
  const changes: Alteration[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const from = readLevel(property(before, name), rules);
    const to = readLevel(property(after, name), rules);
    const unreadable = to === undefined && Object.hasOwn(after, name);
    if (from !== to || unreadable) changes.push({ name, from, to, unreadable });
  }
  return changes;
}
