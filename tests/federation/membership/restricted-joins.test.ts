import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventIdOf, hashAndSignPdu, signPdu, type Pdu } from '@myelin/protocol/events';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import type { HttpAnswer, Person } from '@myelin/testing';

import { Stage } from '../hostile/hostile-room.ts';
import { hive, mallory, stranger } from '../stranger.ts';

interface Restricted {
  readonly alice: Person;
  readonly space: string;
  readonly room: string;
  readonly rules: RoomVersionRules;
}

describe('strangers on their way into rooms whose members come from others', () => {
  let opened: Stage | undefined;
  before(async () => {
    opened = await Stage.open();
  });
  after(() => opened?.close());
  const stage = (): Stage => {
    assert.ok(opened);
    return opened;
  };

  /** A room of Alice's into which members of her space may come, Mallory among them. */
  const restricted = async (version: string): Promise<Restricted> => {
    const rules = roomVersionRules(version);
    assert.ok(rules);
    const alice = await stage().home.person('alice');
    const space = await alice.createsRoom({ preset: 'public_chat', room_version: version });
    await stage().joins(space, mallory, rules);
    const allow = [{ type: 'm.room_membership', room_id: space }];
    const join_rule = { type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } };
    const room = await alice.createsRoom({ room_version: version, initial_state: [join_rule] });
    return { alice, space, room, rules };
  };

  const asksForTemplate = ({ room, rules }: Restricted): Promise<HttpAnswer> =>
    stage().asks(
      'GET',
      `/_matrix/federation/v1/make_join/${encodeURIComponent(room)}/${encodeURIComponent(mallory)}?ver=${rules.id}`,
    );
  const joinOf = ({ rules }: Restricted, template: any, content: object = {}): { eventId: string; pdu: Pdu } => {
    const { origin: _, ...event } = template.event;
    const draft = { ...event, content: { ...event.content, ...content } };
    const pdu = hashAndSignPdu(draft, stage().stranger.name, stage().stranger.signingKey, rules);
    return { eventId: eventIdOf(pdu, rules), pdu };
  };
  const handsIn = ({ room }: Restricted, { eventId, pdu }: { eventId: string; pdu: Pdu }): Promise<HttpAnswer> =>
    stage().asks('PUT', `/_matrix/federation/v2/send_join/${encodeURIComponent(room)}/${encodeURIComponent(eventId)}`, pdu);
  const isRefused = ({ status, body }: HttpAnswer, ...expected: [status: number, errcode: string]): void =>
    assert.deepEqual([status, body?.errcode], expected, JSON.stringify(body));
  const isIn = async ({ alice, room }: Restricted): Promise<boolean> => {
    const { joined } = await alice.get(`/rooms/${encodeURIComponent(room)}/joined_members`);
    return mallory in joined;
  };

  for (const version of ['8', '10', '12']) {
    test(`who is in the space gets in by the word of Alice’s server, which signs it (version ${version})`, async () => {
      const at = await restricted(version);
      const template = await asksForTemplate(at);
      assert.equal(template.body.event?.content.join_authorised_via_users_server, at.alice.userId, JSON.stringify(template.body));
      const { status, body } = await handsIn(at, joinOf(at, template.body));
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(Object.keys(body.event.signatures).sort(), [hive, stranger]);
      assert.ok(await isIn(at));
    });

    test(`who has left the space between the two steps stays out (version ${version})`, async () => {
      const at = await restricted(version);
      const template = await asksForTemplate(at);
      await at.alice.post(`/rooms/${encodeURIComponent(at.space)}/kick`, { user_id: mallory });
      isRefused(await handsIn(at, joinOf(at, template.body)), 403, 'M_FORBIDDEN');
      isRefused(await asksForTemplate(at), 403, 'M_FORBIDDEN');
      assert.equal(await isIn(at), false);
    });

    test(`Alice’s server does not sign for somebody who may not invite, nor for who is not there (version ${version})`, async () => {
      const at = await restricted(version);
      const bob = await stage().home.person('bob');
      await at.alice.invites(bob, at.room);
      await bob.joins(at.room);
      const levels = await at.alice.get(`/rooms/${encodeURIComponent(at.room)}/state/m.room.power_levels/`);
      await at.alice.setsState(at.room, 'm.room.power_levels', { ...levels, invite: 50 });
      const { body: template } = await asksForTemplate(at);
      for (const via of [bob.userId, `@nobody:${hive}`]) {
        isRefused(await handsIn(at, joinOf(at, template, { join_authorised_via_users_server: via })), 403, 'M_FORBIDDEN');
      }
      assert.equal(await isIn(at), false);
    });

    test(`where nobody of Alice’s server may invite, another server is to be asked (version ${version})`, async () => {
      const at = await restricted(version);
      const levels = await at.alice.get(`/rooms/${encodeURIComponent(at.room)}/state/m.room.power_levels/`);
      const bob = await stage().home.person('bob');
      await at.alice.invites(bob, at.room);
      await bob.joins(at.room);
      await at.alice.setsState(at.room, 'm.room.power_levels', { ...levels, invite: 100 });
      await at.alice.leaves(at.room);
      isRefused(await asksForTemplate(at), 400, 'M_UNABLE_TO_GRANT_JOIN');
    });

    test(`who was invited needs nobody’s word (version ${version})`, async () => {
      const at = await restricted(version);
      await at.alice.post(`/rooms/${encodeURIComponent(at.space)}/kick`, { user_id: mallory });
      stage().stranger.answersUnder.set('/_matrix/federation/v2/invite/', (_, { event }) => {
        const { name, signingKey } = stage().stranger;
        return { event: signPdu(event, name, signingKey, at.rules) };
      });
      await at.alice.post(`/rooms/${encodeURIComponent(at.room)}/invite`, { user_id: mallory });
      const template = await asksForTemplate(at);
      assert.equal(template.status, 200, JSON.stringify(template.body));
      assert.equal(template.body.event.content.join_authorised_via_users_server, undefined);
      const { status, body } = await handsIn(at, joinOf(at, template.body));
      assert.equal(status, 200, JSON.stringify(body));
      assert.ok(await isIn(at));
    });
  }
});
