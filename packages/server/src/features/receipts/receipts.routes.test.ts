import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing';

interface SyncAnswer {
  readonly rooms?: { readonly join?: Readonly<Record<string, SyncedRoom>> };
}
interface SyncedRoom {
  readonly ephemeral?: { readonly events: readonly { readonly type: string; readonly content: Record<string, unknown> }[] };
  readonly account_data?: { readonly events: readonly { readonly type: string; readonly content: unknown }[] };
}

forEachHomeserver('receipts over HTTP', ({ test }) => {
  test('Bob sees that Alice has read his message, and she finds her marker', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const path = `/rooms/${encodeURIComponent(room)}`;
    const message = await bob.says('tea?', room);
    await bob.syncs();
    await alice.syncs();
    await alice.post(`${path}/read_markers`, { 'm.fully_read': message, 'm.read': message });
    const receipt = await bob.syncsUntil((answer: SyncAnswer) => answer.rooms?.join?.[room]?.ephemeral?.events[0]);
    assert.equal(receipt.type, 'm.receipt');
    assert.deepEqual(Object.keys(receipt.content), [message]);
    const marker = await alice.syncsUntil((answer: SyncAnswer) => answer.rooms?.join?.[room]?.account_data?.events[0]);
    assert.deepEqual(marker, { type: 'm.fully_read', content: { event_id: message } });

    const receiptPath = (type: string, eventId = message) => `${path}/receipt/${type}/${encodeURIComponent(eventId)}`;
    await alice.post(receiptPath('m.read.private'), { thread_id: 'main' });
    const wrong = { status: 400, errcode: 'M_INVALID_PARAM' };
    await alice.isRefused('POST', receiptPath('m.read'), wrong, { body: { thread_id: '' } });
    await alice.isRefused('POST', receiptPath('m.read'), wrong, { body: { thread_id: 7 } });
    await alice.isRefused('POST', receiptPath('m.fully_read'), wrong, { body: { thread_id: 'main' } });
    await alice.isRefused('POST', receiptPath('m.read', '$none'), { status: 404, errcode: 'M_NOT_FOUND' }, { body: {} });
    const mallory = await homeserver.person('mallory');
    await mallory.isRefused('POST', receiptPath('m.read'), { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });
  });
});
