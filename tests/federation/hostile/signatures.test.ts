import { hashAndSignPdu } from '@myelin/protocol/events';
import { generateSigningKey, type SigningKey } from '@myelin/protocol/signatures';

import { hive, mallory, stranger } from '../stranger.ts';
import { begin, third, type HostileRoom, type Sent } from './hostile-room.ts';
import { holdAgainst, type Row } from './table.ts';

const otherKey = (keyId?: string): SigningKey => generateSigningKey(new Uint8Array(32).fill(9), keyId?.split(':')[1]);

/** The same event with these signatures instead of its own. */
function withSignatures({ pdu, eventId }: Sent, signatures: unknown): Sent {
  return { eventId, pdu, wire: { ...pdu, signatures } };
}

/** The same event, signed with another key. */
function signedWith(room: HostileRoom, sent: Sent, server: string, key: SigningKey): Sent {
  const { pdu } = sent;
  const { signatures } = hashAndSignPdu({ ...pdu, signatures: {} }, server as never, key, room.rules);
  return withSignatures(sent, signatures);
}

/** An event that somebody changed on its way. */
function tampered(sent: Sent, change: Record<string, unknown>): Sent {
  return { ...sent, wire: { ...sent.pdu, ...change } };
}

const unseen = (gets: RegExp): Pick<Row, 'gets' | 'clientsSee'> => ({ gets, clientsSee: 'nothing' });
const redacted = { gets: 'taken', clientsSee: 'a redacted event' } as const;
const fine = { gets: 'taken', clientsSee: 'the event' } as const;
const versions = ['1', '5', '10', '12'];

/** The third server has given up its first key, some minutes after the rooms began. */
const rotates = (room: HostileRoom): Promise<void> => {
  const { third: server } = room.stage;
  if (Object.keys(server.oldKeys).length === 0) server.rotatesItsKey('later', begin + 500_000);
  return Promise.resolve();
};

holdAgainst('signatures and hashes', [
  { what: 'no signature', in: versions, sends: (room) => withSignatures(room.message('x'), {}), ...unseen(/has not signed/) },
  {
    what: 'a signature by a key that is not the published one',
    in: versions,
    sends: (room) => signedWith(room, room.message('x'), stranger, otherKey(room.stage.stranger.signingKey.keyId)),
    ...unseen(/not right/),
  },
  {
    what: 'a signature by a key that nobody has published',
    sends: (room) => signedWith(room, room.message('x'), stranger, otherKey('ed25519:unheard')),
    ...unseen(/no key|not right/),
  },
  {
    what: 'a signature by a third server alone',
    in: versions,
    sends: (room) => signedWith(room, room.message('x'), third, room.stage.third.signingKey),
    ...unseen(/has not signed/),
  },
  {
    what: 'the third server’s signature in the stranger’s name',
    sends: (room) => signedWith(room, room.message('x'), stranger, room.stage.third.signingKey),
    ...unseen(/no key|not right/),
  },
  {
    what: 'a signature that is no base64',
    sends: (room) => withSignatures(room.message('x'), { [stranger]: { [room.stage.stranger.signingKey.keyId]: '%%%' } }),
    ...unseen(/not right/),
  },
  {
    what: 'a signature of another algorithm',
    sends: (room) => withSignatures(room.message('x'), { [stranger]: { 'rsa:1': 'AAAA' } }),
    ...unseen(/has not signed/),
  },
  {
    what: 'a signature of another event',
    sends: (room) => withSignatures(room.message('x'), room.message('y').pdu.signatures),
    ...unseen(/not right/),
  },
  {
    what: 'a further signature of somebody whom nobody asked',
    sends: (room) => {
      const sent = room.message('vouched for');
      return withSignatures(sent, { ...sent.pdu.signatures, 'nobody.example': { 'ed25519:1': 'AAAA' } });
    },
    ...fine,
  },
  {
    what: 'a message in the name of one of ours, signed by the stranger',
    in: versions,
    sends: (room) => room.event({ sender: room.alice.userId }),
    ...unseen(/hive\.example has not signed/),
  },
  {
    what: 'a message in the name of one of ours with a forged signature',
    sends: (room) => signedWith(room, room.event({ sender: room.alice.userId }), hive, otherKey()),
    ...unseen(/hive\.example|not right/),
  },
  {
    what: 'a message in the name of a third server’s user, signed by the stranger',
    sends: (room) => room.event({ sender: `@carol:${third}` }),
    ...unseen(/third\.example has not signed/),
  },
  {
    what: 'a message of a server that does not exist',
    sends: (room) => {
      const sent = room.event({ sender: '@carol:nowhere.example' });
      return signedWith(room, sent, 'nowhere.example', otherKey());
    },
    ...unseen(/no key/),
  },
  {
    what: 'a restricted join without the signature of who lets in',
    in: ['8', '10', '12'],
    sends: (room) =>
      room.event({
        type: 'm.room.member',
        stateKey: mallory,
        content: { membership: 'join', join_authorised_via_users_server: room.alice.userId },
      }),
    ...unseen(/hive\.example has not signed/),
  },
  {
    what: 'content that was changed',
    in: versions,
    sends: (room) => tampered(room.message('kind'), { content: { body: 'unkind' } }),
    ...redacted,
  },
  { what: 'content that was emptied', sends: (room) => tampered(room.message('kind'), { content: {} }), ...redacted },
  { what: 'a key that was added', in: versions, sends: (room) => tampered(room.message('kind'), { extra: true }), ...redacted },
  { what: 'a hash of something else', sends: (room) => rehashed(room, 'A'.repeat(43)), ...redacted },
  { what: 'a hash that is no base64', sends: (room) => rehashed(room, '***'), ...redacted },
  ...(['sender', 'type', 'depth', 'origin_server_ts', 'prev_events', 'auth_events'] as const).map((key): Row => ({
    what: `${key} changed after signing`,
    sends(room) {
      const sent = room.message('kind');
      const other = {
        sender: `@other:${stranger}`,
        type: 'm.sticker',
        depth: 21,
        origin_server_ts: 1,
        prev_events: [],
        auth_events: [],
      };
      return tampered(sent, { [key]: other[key] });
    },
    ...unseen(/not right/),
  })),
  {
    what: 'a state key that was added after signing',
    sends: (room) => tampered(room.message('x'), { state_key: '' }),
    ...unseen(/not right/),
  },
  { what: 'unsigned that was changed', sends: (room) => tampered(room.message('x'), { unsigned: { age: 5 } }), ...fine },
  {
    what: 'unsigned that says the event is redacted',
    sends: (room) =>
      tampered(room.message('x'), { unsigned: { redacted_because: { type: 'm.room.redaction' }, transaction_id: 't' } }),
    ...fine,
    async afterwards(room, { eventId }) {
      const { event } = await room.whatClientsSee(eventId ?? '');
      if (event.unsigned?.redacted_because || event.unsigned?.transaction_id) throw new Error('a stranger wrote into unsigned');
    },
  },
  {
    what: 'an invite in Alice’s name, as if it took up a third-party invite, that a redaction makes a plain one',
    in: ['1', '6', '10'],
    sends: (room) => laundered(room),
    gets: /hive\.example has not signed/,
    clientsSee: 'nothing',
    afterwards: nobodyWasInvited,
  },
  {
    what: 'the same where a redaction keeps what shows that it is none',
    in: ['11', '12'],
    sends: (room) => laundered(room),
    gets: 'taken',
    clientsSee: 'nothing',
    afterwards: nobodyWasInvited,
  },
  {
    what: 'a membership whose name was changed on the way',
    sends(room) {
      const content = { membership: 'join', displayname: 'Mallory' };
      const auth = room.auth('m.room.join_rules');
      const sent = room.event({ type: 'm.room.member', stateKey: mallory, content, auth });
      return tampered(sent, { content: { ...content, displayname: 'Alice' } });
    },
    ...redacted,
  },
  {
    what: 'a key that was given up before the event was made',
    in: ['5', '10', '12'],
    given: rotates,
    sends: (room) => byOldKey(room, begin + 600_000),
    ...unseen(/no key|not right/),
  },
  {
    what: 'the same where the room does not ask (whoever is not in the room is not heard)',
    in: ['1', '4'],
    given: rotates,
    sends: (room) => byOldKey(room, begin + 600_000),
    gets: 'taken',
    clientsSee: 'nothing',
  },
  {
    what: 'a key that was given up after the event was made (whoever is not in the room is not heard)',
    in: ['5', '10', '12'],
    given: rotates,
    sends: (room) => byOldKey(room, begin + 400_000),
    gets: 'taken',
    clientsSee: 'nothing',
  },
]);

/** Events of this kind need no signature of their sender's server, and what is left of it without its content would pass for Alice's. */
function laundered(room: HostileRoom): Sent {
  const target = `@eve:${stranger}`;
  const signed = { mxid: target, token: 'none', signatures: {} };
  const { pdu } = room.event({
    type: 'm.room.member',
    sender: room.alice.userId,
    stateKey: target,
    content: { membership: 'invite', third_party_invite: { display_name: 'eve', signed } },
    auth: [...room.auth().slice(0, -1), room.id(room.alice.userId), room.id('m.room.join_rules')],
  });
  return room.signedAsItIs({ ...pdu, signatures: {}, hashes: { sha256: 'A'.repeat(43) } });
}

async function nobodyWasInvited(room: HostileRoom): Promise<void> {
  if (await room.state('m.room.member', `@eve:${stranger}`)) throw new Error('somebody was invited in the name of Alice');
}

function rehashed(room: HostileRoom, sha256: string): Sent {
  const { pdu } = room.message('kind');
  return room.signedAsItIs({ ...pdu, signatures: {}, hashes: { sha256 } });
}

/** An event by the third server's first key. */
function byOldKey(room: HostileRoom, originServerTs: number): Sent {
  const { pdu, eventId } = room.event(
    { sender: `@carol:${third}`, by: room.stage.third, eventId: room.newName(third) },
    { origin_server_ts: originServerTs },
  );
  return signedWith(room, { pdu, eventId }, third, room.stage.thirdsFirstKey);
}
