import { readLevel } from '@myelin/protocol/auth-rules';
import {
  objectField,
  readCreate,
  readJoinRules,
  readSpaceChild,
  textField,
  type Json,
  type JsonObject,
} from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { membershipIn, type EventDraft, type StoredEvent } from '../../rooms/index.ts';

/** State that goes with a room to its replacement, in the order in which it is set there; power levels and bans go separately. */
const carried: readonly string[] = [
  'm.room.join_rules',
  'm.room.name',
  'm.room.topic',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.avatar',
  'm.room.encryption',
  'm.room.server_acl',
  'm.room.policy',
];

/** The room that is replaced. */
export interface OldRoom {
  readonly roomId: RoomId;
  readonly rules: RoomVersionRules;
  /** Its current state, members apart from those who are banned left out. */
  readonly state: readonly StoredEvent[];
  readonly lastEventId: EventId | undefined;
}

/** The room that replaces it. */
export interface Replacement {
  readonly rules: RoomVersionRules;
  readonly by: UserId;
  readonly additionalCreators: readonly UserId[];
}

/**
 * The content of the new room's `m.room.create`: the type stays what it was, and a room that kept to this server does so again.
 * https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export function replacementCreateContent(old: OldRoom, { rules, by, additionalCreators }: Replacement): JsonObject {
  const before = find(old, 'm.room.create')?.content ?? {};
  const { federate, roomType } = readCreate(before);
  return {
    ...(!rules.creatorIsCreateSender && { creator: by }),
    room_version: rules.id,
    ...(roomType !== undefined && { type: roomType }),
    ...(!federate && { 'm.federate': false }),
    ...(rules.privilegedCreators && additionalCreators.length > 0 && { additional_creators: [...additionalCreators] }),
    predecessor: { room_id: old.roomId, ...(old.lastEventId !== undefined && { event_id: old.lastEventId }) },
  };
}

/** The state events that the new room begins with: levels first, then `own` ones, then what it takes from the old room, bans last. */
export function carriedState(old: OldRoom, to: Replacement, own: readonly EventDraft[]): EventDraft[] {
  const drafts: EventDraft[] = [...own];
  const add = (type: string, content: JsonObject, stateKey = ''): void => {
    drafts.push({ type, sender: to.by, stateKey, content });
  };
  for (const type of carried) {
    const event = find(old, type);
    if (event) add(type, type === 'm.room.join_rules' ? joinRulesIn(to.rules, event.content) : event.content);
  }
  for (const event of old.state) {
    if (event.type === 'm.space.child' && readSpaceChild(event.content)) add(event.type, event.content, event.stateKey);
  }
  for (const event of old.state) {
    if (event.type !== 'm.room.member' || membershipIn(event.content) !== 'ban' || event.stateKey === to.by) continue;
    const reason = textField(event.content, 'reason');
    add(event.type, { membership: 'ban', ...(reason !== undefined && { reason }) }, event.stateKey);
  }
  const levels = carriedLevels(old, to);
  const needed = Math.max(...drafts.map(({ type }) => neededLevel(levels, type)), 0);
  if (to.rules.privilegedCreators || levelOf(levels, to.by) >= needed) return [levelsDraft(to, levels), ...drafts];
  // Who upgrades may do so without having the power over all that is carried over: it is theirs while they do it.
  const users = { ...objectField(levels, 'users'), [to.by]: needed };
  return [levelsDraft(to, { ...levels, users }), ...drafts, levelsDraft(to, levels)];
}

function levelsDraft({ by }: Replacement, content: JsonObject): EventDraft {
  return { type: 'm.room.power_levels', sender: by, stateKey: '', content };
}

/** The old levels as the new room version wants them: as integers, and without the creators where those stand above all levels. */
function carriedLevels(old: OldRoom, { rules, by, additionalCreators }: Replacement): JsonObject {
  const before = find(old, 'm.room.power_levels')?.content ?? {};
  const levels: JsonObject = {};
  for (const [name, value] of Object.entries(before)) {
    if (isObject(value)) levels[name] = integers(value, old.rules);
    else {
      const level = readLevel(value, old.rules);
      if (level !== undefined) levels[name] = level;
    }
  }
  const users: JsonObject = { ...objectField(levels, 'users') };
  if (rules.privilegedCreators) {
    for (const creator of [by, ...additionalCreators]) delete users[creator];
    raiseTombstone(levels);
  } else if (old.rules.privilegedCreators) {
    const create = find(old, 'm.room.create');
    const creators = create ? [create.sender, ...readCreate(create.content).additionalCreators] : [];
    const highest = Math.max(100, ...Object.values(users).map((level) => Number(level)), neededForEverything(levels));
    for (const creator of creators) users[creator] = highest;
  }
  if (!rules.privilegedCreators && find(old, 'm.room.power_levels') === undefined) users[by] = 100;
  levels['users'] = users;
  return levels;
}

/** From version 12 closing a room takes more than setting its state; https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom */
function raiseTombstone(levels: JsonObject): void {
  const events: JsonObject = { ...objectField(levels, 'events') };
  const stateDefault = readNumber(levels['state_default'], 50);
  if (readNumber(events['m.room.tombstone'], stateDefault) <= stateDefault)
    events['m.room.tombstone'] = Math.max(150, stateDefault + 1);
  levels['events'] = events;
}

/** Rules that the new version does not know would let nobody in, so invites do. */
function joinRulesIn(rules: RoomVersionRules, content: JsonObject): JsonObject {
  const { rule } = readJoinRules(content);
  const known =
    rule === 'restricted'
      ? rules.restrictedJoins
      : rule === 'knock_restricted'
        ? rules.knockRestrictedJoins
        : rule !== 'knock' || rules.knocking;
  return known ? content : { join_rule: 'invite' };
}

function neededLevel(levels: JsonObject, type: string): number {
  const stateDefault = readNumber(levels['state_default'], 50);
  const needed = readNumber(objectField(levels, 'events')?.[type], stateDefault);
  if (type !== 'm.room.member') return needed;
  return Math.max(needed, readNumber(levels['ban'], 50) + 1);
}

function neededForEverything(levels: JsonObject): number {
  return Math.max(
    0,
    ...Object.values(objectField(levels, 'events') ?? {}).map((level) => readNumber(level, 0)),
    readNumber(levels['state_default'], 50),
  );
}

function levelOf(levels: JsonObject, userId: UserId): number {
  return readNumber(objectField(levels, 'users')?.[userId], readNumber(levels['users_default'], 0));
}

function integers(levels: JsonObject, rules: RoomVersionRules): JsonObject {
  const read: [string, number][] = [];
  for (const [name, value] of Object.entries(levels)) {
    const level = readLevel(value, rules);
    if (level !== undefined) read.push([name, level]);
  }
  return Object.fromEntries(read);
}

function readNumber(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function find(old: OldRoom, type: string): StoredEvent | undefined {
  return old.state.find((event) => event.type === type && event.stateKey === '');
}
