import { isJsonObject, own, setOwn } from '../canonical-json/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import type { JsonObject, Pdu } from './pdu.ts';

/** Top-level keys that every version keeps, in canonical order, so that the result needs no sorting before it is hashed. */
const keptKeys = [
  'auth_events',
  'content',
  'depth',
  'event_id',
  'hashes',
  'origin_server_ts',
  'prev_events',
  'room_id',
  'sender',
  'signatures',
  'state_key',
  'type',
] as const;

/** Room versions 1 to 10 keep these as well. */
const keptKeysBefore11 = [...keptKeys, 'membership', 'origin', 'prev_state'].sort();

const powerLevelKeys = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default'];
const powerLevelKeysFrom11 = [...powerLevelKeys, 'invite'].sort();

/**
 * What remains of an event once it is redacted, by its room version's algorithm. The PDU itself is not changed; nested values are shared
 * with it. https://spec.matrix.org/v1.19/client-server-api/#redactions, https://spec.matrix.org/v1.19/rooms/v11/#redactions
 */
export function redactPdu(pdu: Pdu, rules: RoomVersionRules): Pdu {
  const redacted: Record<string, unknown> = {};
  for (const key of rules.updatedRedaction ? keptKeys : keptKeysBefore11) {
    if (Object.hasOwn(pdu, key) && pdu[key] !== undefined) redacted[key] = pdu[key];
  }
  redacted['content'] = redactContent(pdu.type, pdu.content, rules);
  return redacted as Pdu;
}

/** What remains of the content of an event of that type. */
export function redactContent(type: string, content: JsonObject, rules: RoomVersionRules): JsonObject {
  switch (type) {
    case 'm.room.member':
      return redactMember(content, rules);
    case 'm.room.create':
      return rules.updatedRedaction ? content : pick(content, ['creator']);
    case 'm.room.join_rules':
      return pick(content, rules.redactionKeepsAllow ? ['allow', 'join_rule'] : ['join_rule']);
    case 'm.room.power_levels':
      return pick(content, rules.updatedRedaction ? powerLevelKeysFrom11 : powerLevelKeys);
    case 'm.room.history_visibility':
      return pick(content, ['history_visibility']);
    case 'm.room.aliases':
      return rules.aliasesEventsAreSpecial ? pick(content, ['aliases']) : {};
    case 'm.room.redaction':
      return rules.updatedRedaction ? pick(content, ['redacts']) : {};
    default:
      return {};
  }
}

function redactMember(content: JsonObject, rules: RoomVersionRules): JsonObject {
  const kept = pick(
    content,
    rules.redactionKeepsJoinAuthorisedVia ? ['join_authorised_via_users_server', 'membership'] : ['membership'],
  );
  const invite = rules.updatedRedaction ? own(content, 'third_party_invite') : undefined;
  // An object stays an object even when it had no `signed`: servers agree on this, and the event id depends on it.
  if (isJsonObject(invite)) setOwn(kept, 'third_party_invite', pick(invite, ['signed']));
  return kept;
}

function pick(content: JsonObject, keys: readonly string[]): JsonObject {
  const kept: JsonObject = {};
  for (const key of keys) {
    const value = own(content, key);
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}
