import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { openHive, says, type Hive } from '../hive.fixture.ts';
import { maxContentLength } from './account-data.ts';
import { accountDataFeature } from './index.ts';
import { tagsType, withoutTag, withTag } from './tags.ts';

async function keeperOf(hive: Hive) {
  const feature = await accountDataFeature(hive);
  const [source] = feature.sync ?? [];
  assert.ok(source);
  return { accountData: feature.accountData, source };
}

forEachDatabase('account data', ({ test }) => {
  test('what Alice keeps comes back, is followed, and survives a restart', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { accountData, source } = await keeperOf(hive);
    const start = source.now();
    await accountData.set(alice.userNid, 'm.direct', { '@bob:hive.example': [room.roomId] });
    await accountData.set(alice.userNid, 'org.example.colour', { colour: 'green' }, room.nid);
    const expected = {
      accountData: [`{"type":"m.direct","content":{"@bob:hive.example":["${room.roomId}"]}}`],
      roomAccountData: new Map([[room.nid, ['{"type":"org.example.colour","content":{"colour":"green"}}']]]),
    };
    assert.deepEqual(await source.changes(hive.scope(alice, [room.nid]), start, source.now()), expected);
    assert.deepEqual(await source.everything(hive.scope(alice, [room.nid]), source.now()), expected);
    assert.deepEqual(await source.everything(hive.scope(bob, [room.nid]), source.now()), {});
    const fresh = hive.scope(alice, [room.nid], [room.nid]);
    assert.deepEqual(await source.changes(fresh, source.now(), source.now()), { roomAccountData: expected.roomAccountData });

    const later = await openHive(await reopen());
    const again = await keeperOf(later);
    assert.equal(again.source.now(), source.now());
    assert.deepEqual(await again.source.changes(later.scope(alice, [room.nid]), start, again.source.now()), expected);
    assert.deepEqual(await again.accountData.readContent(alice.userNid, 'org.example.colour', room.nid), { colour: 'green' });
  });

  test('what was deleted is told once as an empty object, and then is not there', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { accountData, source } = await keeperOf(hive);
    await accountData.set(alice.userNid, 'org.example.colour', { colour: 'green' });
    const before = source.now();
    await accountData.delete(alice.userNid, 'org.example.colour');
    await accountData.delete(alice.userNid, 'org.example.never');
    assert.equal(await accountData.read(alice.userNid, 'org.example.colour'), undefined);
    assert.deepEqual(await source.changes(hive.scope(alice, []), before, source.now()), {
      accountData: ['{"type":"org.example.colour","content":{}}'],
    });
    assert.deepEqual(await source.everything(hive.scope(alice, []), source.now()), {});
  });

  test('an account that ends takes its secrets along, and leaves no position to be given twice', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { accountData, source } = await keeperOf(hive);
    await accountData.set(bob.userNid, 'm.secret_storage.default_key', { key: 'of Bob' });
    await accountData.set(alice.userNid, 'm.cross_signing.master', { encrypted: {} });
    await accountData.set(alice.userNid, 'm.ignored_user_list', { ignored_users: { [bob.userId]: {} } });
    await accountData.set(alice.userNid, 'm.tag', { tags: {} }, room.nid);
    assert.deepEqual([...(await hive.rooms.hooks.ignoredUsers(alice.userNid))], [bob.userId]);
    await accountData.forget(alice.userNid);
    await accountData.forget(alice.userNid);
    assert.deepEqual(await source.everything(hive.scope(alice, [room.nid]), source.now()), {});
    assert.deepEqual([...(await hive.rooms.hooks.ignoredUsers(alice.userNid))], []);
    assert.deepEqual(await accountData.readContent(bob.userNid, 'm.secret_storage.default_key'), { key: 'of Bob' });
    assert.equal((await keeperOf(await openHive(await reopen()))).source.now(), source.now());
  });

  test('two tags given at once are both there', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { accountData } = await keeperOf(hive);
    const tag = (name: string) =>
      accountData.update(alice.userNid, tagsType, room.nid, async (before) => ({
        content: withTag(before, name, { order: 0.5 }),
      }));
    await Promise.all([tag('m.favourite'), tag('u.tea'), tag('__proto__')]);
    await accountData.update(alice.userNid, tagsType, room.nid, async (before) => ({ content: withoutTag(before, 'u.tea') }));
    const text = await accountData.read(alice.userNid, tagsType, room.nid);
    assert.equal(text, '{"tags":{"m.favourite":{"order":0.5},"__proto__":{"order":0.5}}}');
    assert.equal(withoutTag({}, 'u.tea'), undefined);
    assert.throws(() => withTag(undefined, 'ü'.repeat(128), {}), { errcode: 'M_INVALID_PARAM' });
  });

  test('whom Bob ignores is heard no more at once, and again when he thinks better of it', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { accountData } = await keeperOf(hive);
    const { room, events } = await hive.friendsInARoom(says(alice, 'psst'));
    const heard = async () => (await hive.rooms.visibility.visibleTo(bob, room.nid, events)).length;
    assert.equal(await heard(), 1);
    await accountData.set(bob.userNid, 'm.ignored_user_list', { ignored_users: { [alice.userId]: {} } });
    assert.equal(await heard(), 0);
    await accountData.set(bob.userNid, 'm.ignored_user_list', { ignored_users: [alice.userId] });
    assert.equal(await heard(), 1);
  });

  test('limits and types that belong to the server', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { accountData, source } = await keeperOf(hive);
    const before = source.now();
    const huge = { text: 'x'.repeat(maxContentLength) };
    await assert.rejects(accountData.set(alice.userNid, 'org.example.huge', huge), { errcode: 'M_TOO_LARGE' });
    await assert.rejects(accountData.set(alice.userNid, 'a\0b', {}), { errcode: 'M_INVALID_PARAM' });
    for (const type of ['m.fully_read', 'm.push_rules']) {
      assert.throws(() => accountData.refuseServerManaged(type), { errcode: 'M_BAD_JSON', status: 405 });
    }
    accountData.serveFrom('m.push_rules', async () => ({ global: {} }));
    assert.equal(await accountData.read(alice.userNid, 'm.push_rules'), '{"global":{}}');
    assert.equal(source.now(), before);
  });
});
