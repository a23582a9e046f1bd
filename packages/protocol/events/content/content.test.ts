import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import type { ServerName } from '../../identifiers/index.ts';
import type { JsonObject } from '../pdu.ts';
import {
  aclAllows,
  globMatches,
  readCanonicalAlias,
  readCreate,
  readGuestsMayJoin,
  readHistoryVisibility,
  readJoinRules,
  readMember,
  readMembership,
  readServerAcl,
  readSpaceChild,
} from './index.ts';

suite('reading state that strangers wrote', () => {
  test('history is shared unless a known value says otherwise', () => {
    for (const known of ['world_readable', 'shared', 'invited', 'joined'])
      assert.equal(readHistoryVisibility({ history_visibility: known }), known);
    for (const odd of [undefined, {}, { history_visibility: 'secret' }, { history_visibility: 1 }])
      assert.equal(readHistoryVisibility(odd), 'shared');
  });

  test('guests stay out unless let in', () => {
    assert.ok(readGuestsMayJoin({ guest_access: 'can_join' }));
    for (const no of [undefined, {}, { guest_access: 'forbidden' }, { guest_access: true }]) assert.ok(!readGuestsMayJoin(no));
  });

  test('an unknown join rule lets nobody in, a missing event asks for invites', () => {
    assert.deepEqual(readJoinRules(undefined), { rule: 'invite', allow: [] });
    assert.deepEqual(readJoinRules({}), { rule: 'invite', allow: [] });
    assert.deepEqual(readJoinRules({ join_rule: 5 }), { rule: 'private', allow: [] });
    assert.deepEqual(readJoinRules({ join_rule: 'org.example.quiz' }), { rule: 'private', allow: [] });
    const allow = [
      { type: 'm.room_membership', room_id: '!a:b' },
      { type: 'm.room_membership', room_id: 3 },
      { type: 'x', room_id: '!c:d' },
      null,
    ];
    assert.deepEqual(readJoinRules({ join_rule: 'restricted', allow }), { rule: 'restricted', allow: ['!a:b'] });
  });

  test('members', () => {
    assert.equal(readMembership({ membership: 'join' }), 'join');
    for (const odd of [{}, { membership: 'lurk' }, { membership: null }])
      assert.equal(readMembership(odd as JsonObject), undefined);
    assert.equal(readMembership(JSON.parse('{"__proto__":{"membership":"join"}}') as JsonObject), undefined);
    const bob = readMember({ membership: 'invite', displayname: null, avatar_url: 'mxc://a/b', is_direct: true });
    assert.deepEqual([bob.displayName, bob.avatarUrl, bob.isDirect], [undefined, 'mxc://a/b', true]);
  });

  test('creation, aliases and children of spaces', () => {
    assert.deepEqual(readCreate({}), {
      roomVersion: '1',
      federate: true,
      roomType: undefined,
      predecessor: undefined,
      additionalCreators: [],
    });
    const create = readCreate({
      room_version: '12',
      'm.federate': false,
      additional_creators: ['@bob:b', 'x', 1],
      predecessor: { room_id: '!a:b' },
    });
    assert.deepEqual(
      [create.federate, create.additionalCreators, create.predecessor],
      [false, ['@bob:b'], { roomId: '!a:b', eventId: undefined }],
    );
    assert.deepEqual(readCanonicalAlias({ alias: '#a:b', alt_aliases: ['#c:d', 'e', 1] }), {
      alias: '#a:b',
      altAliases: ['#c:d'],
    });
    assert.equal(readSpaceChild({}), undefined);
    assert.deepEqual(readSpaceChild({ via: ['a.org', 'b c'], order: 'x'.repeat(51) }), {
      via: ['a.org'],
      order: undefined,
      suggested: false,
    });
  });
});

suite('server ACLs', () => {
  const allows = (content: JsonObject, server: string) => aclAllows(readServerAcl(content), server as ServerName);

  test('no ACL allows everyone, an empty one nobody', () => {
    assert.ok(aclAllows(undefined, 'evil.com' as ServerName));
    assert.ok(!allows({}, 'good.com'));
  });

  test('deny goes before allow; case and port play no part', () => {
    const acl = { allow: ['*'], deny: ['*.evil.com', 'EVIL.com', 'bad?.org'] };
    for (const server of ['evil.com', 'evil.com:8448', 'Evil.COM:1234', 'sub.evil.com', 'bad1.org'])
      assert.ok(!allows(acl, server), server);
    for (const server of ['good.com', 'notevil.com', 'bad12.org', '1.2.3.4']) assert.ok(allows(acl, server), server);
  });

  test('IP literals can be shut out', () => {
    for (const server of ['1.2.3.4', '1.2.3.4:8448', '[::1]', '[::1]:8448']) {
      assert.ok(!allows({ allow: ['*'], allow_ip_literals: false }, server), server);
      assert.ok(allows({ allow: ['*'], allow_ip_literals: 'no' }, server), server);
    }
    assert.ok(allows({ allow: ['[::1]'] }, '[::1]:8448'));
  });

  test('globs match the whole text, and a hostile one costs no time', () => {
    const cases: [pattern: string, text: string, matches: boolean][] = [
      ['', '', true],
      ['*', '', true],
      ['?', '', false],
      ['a*c', 'abbc', true],
      ['a*c', 'abcd', false],
      ['*a*b*', 'xxaxxbxx', true],
      ['a.c', 'abc', false],
      ['a?c', 'abc', true],
    ];
    for (const [pattern, text, matches] of cases) assert.equal(globMatches(pattern, text), matches, `${pattern} ${text}`);
    assert.ok(!globMatches(`${'*a'.repeat(2000)}b`, 'a'.repeat(5000)));
  });
});
