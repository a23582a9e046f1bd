import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject, RoomEvent } from '../../events/pdu.ts';
import type { EventId, RoomId, UserId } from '../../identifiers/index.ts';
import { knownRoomVersions, roomVersionRules } from '../../room-versions/index.ts';
import type { RoomVersionRules } from '../../room-versions/index.ts';
import { authorise } from '../authorise.ts';
import { lookupAmong } from '../state-lookup.ts';
import type { AuthFacts } from '../state-lookup.ts';

/** Alice creates the rooms of these stories; Bob moderates them; Carol is a member; Dave is outside; Mallory means harm. */
export const alice = '@alice:a.example';
export const bob = '@bob:b.example';
export const carol = '@carol:c.example';
export const dave = '@dave:d.example';
export const erin = '@erin:a.example';
export const mallory = '@mallory:m.example';

/** How a room differs from the usual one, in which Alice, Bob (level 50) and Carol are joined and the join rule is `invite`. */
export interface Room {
  create?: JsonObject;
  members?: Record<string, string>;
  /** The content of the power levels event; null for a room that has none. */
  levels?: JsonObject | null;
  /** null for a room that never set one. */
  joinRule?: string | JsonObject | null;
  thirdPartyInvite?: { token: string; sender: string; content: JsonObject };
}

export interface Attempt {
  type: string;
  sender: string;
  stateKey?: string;
  content?: JsonObject;
  /** What comes right before; something in the middle of the room unless told. */
  after?: string[];
  redacts?: string;
  eventId?: string;
  roomId?: string;
}

/** A row of a table of stories: what happens, in which room versions (`'7-12'`), and whether it may; a reason is matched. */
export interface Story {
  says: string;
  in: string;
  room?: Room;
  try: Attempt;
  facts?: AuthFacts;
  expect: 'allowed' | RegExp;
}

export function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersionRules(version);
  assert.ok(rules, `room version ${version}`);
  return rules;
}

export function versions(range: string): RoomVersionRules[] {
  const [from, to = from] = range.split('-').map(Number);
  const chosen = knownRoomVersions().filter(({ id }) => Number(id) >= Number(from) && Number(id) <= Number(to));
  assert.ok(chosen.length > 0, `room versions ${range}`);
  return chosen;
}

const createId = '$create:a.example';

export function roomIdIn(rules: RoomVersionRules): string {
  return rules.roomIdIsCreateEventHash ? '!create:a.example' : '!room:a.example';
}

export function eventIn(rules: RoomVersionRules, attempt: Attempt): RoomEvent {
  return {
    eventId: (attempt.eventId ?? '$attempt:a.example') as EventId,
    roomId: (attempt.roomId ?? roomIdIn(rules)) as RoomId,
    type: attempt.type,
    sender: attempt.sender as UserId,
    stateKey: attempt.stateKey,
    content: attempt.content ?? {},
    originServerTs: 1,
    depth: 1,
    prevEvents: (attempt.after ?? ['$earlier:a.example']) as EventId[],
    authEvents: [],
    redacts: attempt.redacts as EventId | undefined,
  };
}

/** The state of a story's room as a list of events. */
export function stateIn(rules: RoomVersionRules, room: Room = {}): RoomEvent[] {
  const creator = rules.creatorIsCreateSender ? {} : { creator: alice };
  const state: Attempt[] = [
    {
      type: 'm.room.create',
      sender: alice,
      stateKey: '',
      content: { room_version: rules.id, ...creator, ...room.create },
      eventId: createId,
      after: [],
    },
  ];
  const levels = room.levels === undefined ? usualLevels(rules) : room.levels;
  if (levels) state.push({ type: 'm.room.power_levels', sender: alice, stateKey: '', content: levels });
  const joinRule = room.joinRule === undefined ? 'invite' : room.joinRule;
  if (joinRule !== null) {
    const content = typeof joinRule === 'string' ? { join_rule: joinRule } : joinRule;
    state.push({ type: 'm.room.join_rules', sender: alice, stateKey: '', content });
  }
  const members = { [alice]: 'join', [bob]: 'join', [carol]: 'join', ...room.members };
  for (const [user, membership] of Object.entries(members)) {
    state.push({ type: 'm.room.member', sender: user, stateKey: user, content: { membership } });
  }
  if (room.thirdPartyInvite) {
    const { token, sender, content } = room.thirdPartyInvite;
    state.push({ type: 'm.room.third_party_invite', sender, stateKey: token, content });
  }
  return state.map((attempt, index) => eventIn(rules, { eventId: `$state${index}:a.example`, ...attempt }));
}

/** Bob at 50, and Alice at 100 where a creator may stand among the users. */
export function usualLevels(rules: RoomVersionRules, more: JsonObject = {}, users: JsonObject = {}): JsonObject {
  return { users: { ...(rules.privilegedCreators ? {} : { [alice]: 100 }), [bob]: 50, ...users }, ...more };
}

/** Makes a test of each row in each of its room versions. */
export function tell(stories: readonly Story[]): void {
  for (const story of stories) {
    for (const rules of versions(story.in)) {
      test(`${story.says} (version ${rules.id})`, () => {
        const state = lookupAmong(stateIn(rules, story.room));
        const verdict = authorise(eventIn(rules, story.try), rules, state, story.facts);
        if (story.expect === 'allowed') assert.deepEqual(verdict, { allowed: true });
        else {
          assert.ok(!verdict.allowed, 'it was allowed');
          assert.match(verdict.reason, story.expect);
        }
      });
    }
  }
}
