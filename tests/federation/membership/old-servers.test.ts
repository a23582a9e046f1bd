import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventIdOf, hashAndSignPdu, signPdu, type Pdu } from '@myelin/protocol/events';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';

import { Stage } from '../hostile/hostile-room.ts';
import { hive, mallory } from '../stranger.ts';

const rulesOf = (version: string): RoomVersionRules => {
  const rules = roomVersionRules(version);
  assert.ok(rules);
  return rules;
};
const ids = (pdus: readonly Pdu[], rules: RoomVersionRules): string[] => pdus.map((pdu) => eventIdOf(pdu, rules)).toSorted();

describe('servers that have not been brought up to date for long', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.open();
  });
  after(() => stage.close());

  /** An event of Mallory's from a template, and where it is handed in by the first form and the second. */
  const fillsIn = async (
    kind: 'join' | 'leave',
    room: string,
    rules: RoomVersionRules,
  ): Promise<{ pdu: Pdu; v1: string; v2: string }> => {
    const about = `${encodeURIComponent(room)}/${encodeURIComponent(mallory)}?ver=${rules.id}`;
    const { body } = await stage.asks('GET', `/_matrix/federation/v1/make_${kind}/${about}`);
    const { name, signingKey } = stage.stranger;
    const pdu = hashAndSignPdu(body.event, name, signingKey, rules);
    const path = `send_${kind}/${encodeURIComponent(room)}/${encodeURIComponent(eventIdOf(pdu, rules))}`;
    return { pdu, v1: `/_matrix/federation/v1/${path}`, v2: `/_matrix/federation/v2/${path}` };
  };

  test('servers that know the first form only get in and out by it', async () => {
    const rules = rulesOf('6');
    const alice = await stage.home.person('alice');
    const room = await alice.createsRoom({ preset: 'public_chat', room_version: '6' });
    const join = await fillsIn('join', room, rules);
    const unsigned = await stage.asks('PUT', join.v1, { ...join.pdu, signatures: {} });
    assert.deepEqual([unsigned.status, unsigned.body.errcode], [400, 'M_INVALID_PARAM']);
    const { status, body } = await stage.asks('PUT', join.v1, join.pdu);
    const { body: newer } = await stage.asks('PUT', join.v2, join.pdu);
    assert.deepEqual([status, body.length, body[0]], [200, 2, 200]);
    assert.deepEqual(ids(body[1].state, rules), ids(newer.state, rules));
    assert.deepEqual(ids(body[1].auth_chain, rules), ids(newer.auth_chain, rules));
    const members = `/rooms/${encodeURIComponent(room)}/joined_members`;
    assert.deepEqual(Object.keys((await alice.get(members)).joined).toSorted(), [alice.userId, mallory]);

    const leave = await fillsIn('leave', room, rules);
    const left = await stage.asks('PUT', leave.v1, leave.pdu);
    assert.deepEqual([left.status, left.body], [200, [200, {}]]);
    assert.deepEqual(Object.keys((await alice.get(members)).joined), [alice.userId]);
  });

  test('an invite names the server that it comes from, wherever it is to be signed, and stays the same event', async () => {
    const alice = await stage.home.person('alice');
    const { name, signingKey } = stage.stranger;
    for (const version of ['1', '6', '10', '11', '12']) {
      const rules = rulesOf(version);
      const invites: Pdu[] = [];
      stage.stranger.answersUnder.set('/_matrix/federation/v2/invite/', (_request, { event }) => {
        invites.push(event);
        return { event: signPdu(event, name, signingKey, rules) };
      });
      const room = await alice.createsRoom({ preset: 'private_chat', room_version: version });
      await alice.post(`/rooms/${encodeURIComponent(room)}/invite`, { user_id: mallory });
      const [invite] = invites;
      assert.ok(invite);
      assert.equal((invite as { origin?: unknown }).origin, hive);
      const member = await alice.get(`/rooms/${encodeURIComponent(room)}/state?format=event`);
      const inForce = member.find(({ state_key }: { state_key: string }) => state_key === mallory);
      assert.equal(inForce.event_id, eventIdOf(invite, rules), `version ${version}`);
    }
  });
});
