import { selectAuthEvents } from '@myelin/protocol/auth-rules';
import type { JsonObject, RoomEvent } from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import {
  resolveStates,
  stateMapKey,
  type ResolutionFacts,
  type StateMap,
  type StateMapKey,
} from '@myelin/protocol/state-resolution';

import type { Row } from './joins.ts';

const moderators = 20;
const rounds = 15;

interface Fork {
  readonly rules: RoomVersionRules;
  readonly facts: ResolutionFacts;
  readonly states: readonly StateMap[];
}

/** The time to resolve whole states that generated forks have left, in the protocol alone: no database, no state tree. */
export function measureForks(): Row[] {
  const rows: Row[] = [];
  for (const version of ['10', '12'])
    for (const [members, branches] of [
      [100, 2],
      [100, 10],
      [1_000, 2],
      [1_000, 10],
      [10_000, 2],
      [10_000, 10],
    ] as const)
      rows.push(measure(version, members, branches));
  return rows;
}

function measure(version: string, members: number, branches: number): Row {
  const { rules, facts, states } = fork(version, members, branches);
  const times: number[] = [];
  let conflicts = 0;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const { state, missing } = resolveStates(states, rules, facts);
    times.push(performance.now() - start);
    if (missing.size > 0) throw new Error('the fork is not whole');
    conflicts = [...state.keys()].filter((key) => new Set(states.map((each) => each.get(key))).size > 1).length;
  }
  times.sort((a, b) => a - b);
  return {
    'room version': version,
    members: members.toLocaleString('en'),
    branches,
    'conflicted keys': conflicts,
    'median ms': (times[Math.floor(rounds / 2)] ?? 0).toFixed(2),
    'worst ms': (times.at(-1) ?? 0).toFixed(2),
  };
}

/** A room that falls apart: on each branch another moderator changes power levels and topic and bans somebody, and ten members change. */
function fork(version: string, members: number, branches: number): Fork {
  const rules = roomVersionRules(version);
  if (!rules) throw new Error(`there is no room version ${version}`);
  const events = new Map<EventId, RoomEvent>();
  const user = (index: number): UserId => `@member${index}:server${index % 50}.example` as UserId;
  let clock = 0;
  const send = (
    state: Map<StateMapKey, EventId>,
    type: string,
    sender: UserId,
    stateKey: string,
    content: JsonObject,
    depth: number,
  ) => {
    const eventId = (events.size === 0 ? '$create' : `$event${events.size}`) as EventId;
    const shape = { type, sender, stateKey, content };
    events.set(eventId, {
      ...shape,
      eventId,
      roomId: (rules.roomIdIsCreateEventHash ? '!create' : '!room:server0.example') as RoomId,
      originServerTs: ++clock,
      depth,
      prevEvents: [],
      authEvents: selectAuthEvents(shape, rules)
        .map(([wanted, key]) => state.get(stateMapKey(wanted, key)))
        .filter((found) => found !== undefined),
      redacts: undefined,
    });
    state.set(stateMapKey(type, stateKey), eventId);
  };
  const levels = (more: JsonObject = {}): JsonObject => ({
    ...more,
    users: Object.fromEntries(
      Array.from({ length: moderators + 1 }, (_, index) => [user(index), index === 0 ? 100 : 60]).slice(
        rules.privilegedCreators ? 1 : 0,
      ),
    ) as JsonObject,
  });

  const before = new Map<StateMapKey, EventId>();
  send(
    before,
    'm.room.create',
    user(0),
    '',
    { room_version: version, ...(!rules.creatorIsCreateSender && { creator: user(0) }) },
    1,
  );
  send(before, 'm.room.member', user(0), user(0), { membership: 'join' }, 2);
  send(before, 'm.room.power_levels', user(0), '', levels(), 3);
  send(before, 'm.room.join_rules', user(0), '', { join_rule: 'public' }, 4);
  for (let index = 1; index < members; index++)
    send(before, 'm.room.member', user(index), user(index), { membership: 'join' }, 4 + index);
  const states = Array.from({ length: branches }, (_, branch) => {
    const state = new Map(before);
    const moderator = user(1 + (branch % moderators));
    send(state, 'm.room.power_levels', moderator, '', levels({ invite: branch % 50 }), members + 5);
    send(state, 'm.room.topic', moderator, '', { topic: `branch ${branch}` }, members + 6);
    send(state, 'm.room.member', moderator, user(moderators + 1 + branch), { membership: 'ban' }, members + 7);
    for (let index = 0; index < 10; index++) {
      const member = user(members - 1 - index);
      send(state, 'm.room.member', member, member, { membership: 'join', displayname: `Name ${branch}` }, members + 8 + index);
    }
    return state;
  });
  return { rules, facts: { event: (eventId) => events.get(eventId), isRejected: () => false, auth: {} }, states };
}
