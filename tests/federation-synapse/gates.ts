import assert from 'node:assert/strict';

import { generateSigningKey, signJson } from '@myelin/protocol/signatures';
import type { Person } from '@myelin/testing';
import { Agent, request } from 'undici';

import { agreeOn, hears, inRoom, knows, sees, serverOf, share } from './shared-room.ts';

/**
 * A room keeps servers out, as somebody of Synapse wishes: Myelin lets nobody shut out their own server. Both are called `localhost`, and ports do not count, so each keeps the other out from then on: neither hears
 * in that room what the other's people say, and another room is none the worse for it.
 */
export async function keepOut(version: string, host: Person, guest: Person, { by }: { readonly by: Person }): Promise<void> {
  const room = await share(version, host, guest);
  const elsewhere = await share(version, host, guest);
  const acl = await by.setsState(room, 'm.room.server_acl', { allow: ['*'], deny: ['localhost'], allow_ip_literals: true });
  await hears(by === host ? guest : host, room, acl);
  const unheard: [hearer: Person, eventId: string][] = [
    [host, await guest.says('do you hear me?', room)],
    [guest, await host.says('do you?', room)],
  ];
  // What came later has come, so what came before is not still on its way.
  await knows(host, elsewhere, await guest.says('here you do', elsewhere));
  await knows(guest, elsewhere, await host.says('and you', elsewhere));
  for (const [hearer, eventId] of unheard) {
    const { status } = await hearer.request('GET', inRoom(room, `event/${encodeURIComponent(eventId)}`));
    assert.equal(status, 404, `${hearer.userId} has heard ${eventId}`);
  }
}

const identityKey = generateSigningKey(new Uint8Array(32).fill(3));
const forgersKey = generateSigningKey(new Uint8Array(32).fill(4));
const token = 'a word between the two';

/** An address is invited; later an identity server says whose it is, and the guest's server has the invite made. */
export async function inviteAnAddress(version: string, host: Person, guest: Person): Promise<void> {
  const room = await host.createsRoom({ preset: 'private_chat', room_version: version });
  const { publicKey: public_key } = identityKey;
  const invitation = { display_name: 'g...', key_validity_url: 'https://id.invalid/', public_key, public_keys: [{ public_key }] };
  await host.setsState(room, 'm.room.third_party_invite', invitation, token);
  const word = (key: typeof identityKey): object => ({
    medium: 'email',
    address: 'guest@example.org',
    mxid: guest.userId,
    room_id: room,
    sender: host.userId,
    signed: signJson({ mxid: guest.userId, token }, 'id.invalid', key),
  });
  await isTold(guest, [word(forgersKey)]);
  const { status } = await host.request('GET', inRoom(room, `state/m.room.member/${encodeURIComponent(guest.userId)}`));
  assert.equal(status, 404, 'the word of somebody else invites nobody');

  assert.equal(await isTold(guest, [word(identityKey)]), 200);
  await guest.syncsUntil((sync) => sync.rooms?.invite?.[room]);
  await sees(host, room, guest.userId, 'invite');
  await guest.joins(room);
  await sees(host, room, guest.userId, 'join');
  await agreeOn(room, host, guest);
}

/** An identity server tells somebody's homeserver whose an address is. It proves nothing. */
async function isTold(guest: Person, invites: readonly object[]): Promise<number> {
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  const { statusCode, body } = await request(`https://${serverOf(guest)}/_matrix/federation/v1/3pid/onbind`, {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ medium: 'email', address: 'guest@example.org', mxid: guest.userId, invites }),
  });
  await body.dump();
  await agent.close();
  return statusCode;
}
