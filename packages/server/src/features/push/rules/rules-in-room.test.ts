import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RoomId } from '@myelin/protocol/identifiers';
import { putPushRule, setPushRuleEnabled, untouchedPushRules } from '@myelin/protocol/push-rules';

import { RulesInRooms } from './rules-in-room.ts';

const [kitchen, garden] = ['!kitchen:hive.example', '!garden:hive.example'] as RoomId[] as [RoomId, RoomId];
const muteGarden = putPushRule(
  untouchedPushRules,
  { kind: 'override', ruleId: garden },
  { conditions: [{ kind: 'event_match', key: 'room_id', pattern: garden }], actions: [] },
);
const loudGarden = putPushRule(untouchedPushRules, { kind: 'room', ruleId: garden }, { actions: ['notify'] });

test('who only changed something about the garden is in the kitchen like one who never changed anything', () => {
  const rules = new RulesInRooms();
  assert.equal(rules.of(muteGarden, kitchen), untouchedPushRules);
  assert.equal(rules.of(loudGarden, kitchen), untouchedPushRules);
  assert.notEqual(rules.of(muteGarden, garden), untouchedPushRules);
  assert.notEqual(rules.of(loudGarden, garden), untouchedPushRules);
});

test('those whose rules come to the same share them; rules that are off count for nothing', () => {
  const rules = new RulesInRooms();
  const both = putPushRule(muteGarden, { kind: 'room', ruleId: kitchen }, { actions: [] });
  assert.equal(rules.of(both, garden), rules.of(structuredClone(muteGarden), garden));
  const off = setPushRuleEnabled(muteGarden, { kind: 'override', ruleId: garden }, false);
  assert.equal(rules.of(off, garden), untouchedPushRules);
});

test('a pattern that may mean several rooms is kept for all of them', () => {
  const conditions = [{ kind: 'event_match', key: 'room_id', pattern: '!*:hive.example' }];
  const hive = putPushRule(untouchedPushRules, { kind: 'override', ruleId: 'hive' }, { conditions, actions: [] });
  assert.notEqual(new RulesInRooms().of(hive, kitchen), untouchedPushRules);
});
