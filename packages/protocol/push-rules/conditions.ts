import type { Json } from '../events/pdu.ts';
import { compileGlob, containsWord } from '../globs/index.ts';
import type { UserId } from '../identifiers/types.ts';
import { isAboutOwnUserId, type OwnUserIdCondition } from './default-rules.ts';
import { bodyKey, propertyKey, type PropertyReader } from './push-event.ts';
import type { PushCondition } from './types.ts';

/** What rules ask about the room and the sender: the same for everybody in the room. */
export interface RoomFacts {
  /** Joined members. */
  readonly memberCount: number;
  /** The sender's power level; Infinity for creators in room versions 12 and later. */
  readonly senderPowerLevel: number;
  /** `notifications` of `m.room.power_levels`, as integers: the level needed to notify, by key. */
  readonly notificationLevels: Readonly<Record<string, number>>;
}

/** What rules ask about the user whose rules they are. */
export interface UserFacts {
  readonly userId: UserId;
  /** The user's name in the room. */
  readonly displayName?: string | undefined;
}

/** A condition that has one answer for everybody. */
export type SharedTest = (event: PropertyReader, room: RoomFacts) => boolean;
/** A condition whose answer depends on whose rule it is. */
export type PersonalTest = (event: PropertyReader, user: UserFacts) => boolean;

/** A condition, compiled. */
export type ConditionTest =
  | { readonly about: 'everybody'; readonly test: SharedTest }
  | { readonly about: 'user'; readonly test: PersonalTest };

/** The level that the spec gives to notification keys that a room does not set. */
const defaultNotificationLevel = 50;

/**
 * Compiles a condition. One that is of an unknown kind, or lacks what its kind needs, never holds.
 * https://spec.matrix.org/v1.19/client-server-api/#conditions-1
 */
export function compileCondition(condition: PushCondition | OwnUserIdCondition): ConditionTest {
  if (isAboutOwnUserId(condition)) return { about: 'user', test: compileOwnUserId(condition) };
  if (condition.kind === 'contains_display_name') return { about: 'user', test: containsDisplayName };
  return { about: 'everybody', test: compileShared(condition) };
}

/** The condition that a content rule stands for. */
export function bodyMatches(pattern: string): ConditionTest {
  return compileCondition({ kind: 'event_match', key: 'content.body', pattern });
}

function compileShared(condition: PushCondition): SharedTest {
  switch (condition.kind) {
    case 'event_match':
      return compileEventMatch(condition);
    case 'event_property_is':
      return compilePropertyIs(condition);
    case 'event_property_contains':
      return compilePropertyContains(condition);
    case 'room_member_count':
      return compileMemberCount(condition.is);
    case 'sender_notification_permission':
      return compileNotificationPermission(condition.key);
    default:
      return never;
  }
}

function compileEventMatch({ key, pattern }: PushCondition): SharedTest {
  if (typeof key !== 'string' || typeof pattern !== 'string') return never;
  const property = propertyKey(key);
  // Both sides are in lower case already, so the glob need not fold.
  const glob = compileGlob(pattern.toLowerCase());
  if (property.id === bodyKey.id) {
    return (event) => {
      const body = event.lowered(property);
      return body !== undefined && glob.matchesWords(body);
    };
  }
  return (event) => {
    const text = event.lowered(property);
    return text !== undefined && glob.matches(text);
  };
}

function compilePropertyIs({ key, value }: PushCondition): SharedTest {
  if (typeof key !== 'string' || !isPlain(value)) return never;
  const property = propertyKey(key);
  return (event) => event.value(property) === value;
}

function compilePropertyContains({ key, value }: PushCondition): SharedTest {
  if (typeof key !== 'string' || !isPlain(value)) return never;
  const property = propertyKey(key);
  return (event) => {
    const list = event.value(property);
    return Array.isArray(list) && list.includes(value);
  };
}

function compileMemberCount(is: string | undefined): SharedTest {
  const parts = /^(?<sign>==|<=|>=|<|>|)(?<count>[0-9]{1,15})$/.exec(is ?? '')?.groups;
  if (parts === undefined) return never;
  const count = Number(parts['count']);
  switch (parts['sign']) {
    case '<':
      return (_event, room) => room.memberCount < count;
    case '>':
      return (_event, room) => room.memberCount > count;
    case '<=':
      return (_event, room) => room.memberCount <= count;
    case '>=':
      return (_event, room) => room.memberCount >= count;
    default:
      return (_event, room) => room.memberCount === count;
  }
}

function compileNotificationPermission(key: string | undefined): SharedTest {
  if (typeof key !== 'string') return never;
  return (_event, { senderPowerLevel, notificationLevels }) => {
    const needed = Object.hasOwn(notificationLevels, key) ? notificationLevels[key] : undefined;
    return senderPowerLevel >= (needed ?? defaultNotificationLevel);
  };
}

function compileOwnUserId(condition: OwnUserIdCondition): PersonalTest {
  const property = propertyKey(condition.key ?? '');
  if (condition.kind === 'event_property_contains') {
    return (event, user) => {
      const list = event.value(property);
      return Array.isArray(list) && list.includes(user.userId);
    };
  }
  return (event, user) => event.value(property) === user.userId;
}

function containsDisplayName(event: PropertyReader, user: UserFacts): boolean {
  if (user.displayName === undefined || user.displayName === '') return false;
  const body = event.lowered(bodyKey);
  return body !== undefined && containsWord(body, user.displayName.toLowerCase());
}

/** Null, text, a truth value, or an integer that canonical JSON can carry. */
function isPlain(value: Json | undefined): value is null | string | boolean | number {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  return value === null || typeof value === 'string' || typeof value === 'boolean';
}

function never(): boolean {
  return false;
}
