import assert from 'node:assert/strict';

import { mallory, stranger } from '../stranger.ts';
import { type HostileRoom, type Sent } from './hostile-room.ts';
import { holdAgainst, type Row } from './table.ts';

/** Nobody's ids: the rules let a member with power invite and ban any state key. Clients would stumble over them outside of events. */
const nobodies = ['', 'nobody', '@', '@:', '@nobody:not a server', `@a b:${stranger}`, `@nobody:${stranger}:1:2`];

const about = (room: HostileRoom, stateKey: string, membership: string): Sent =>
  room.event({
    type: 'm.room.member',
    stateKey,
    content: { membership },
    auth: room.auth('m.room.join_rules').slice(0, membership === 'invite' ? undefined : -1),
  });

/** Resolves when Alice's server has sent something with these words. */
function strangerHears(room: HostileRoom, words: string): Promise<void> {
  return new Promise((resolve) => {
    room.stage.stranger.answersUnder.set('/_matrix/federation/v1/send/', (_, transaction) => {
      if (JSON.stringify(transaction).includes(words)) resolve();
      return { pdus: {} };
    });
  });
}

holdAgainst(
  'memberships of those who cannot be',
  ['invite', 'ban', 'leave'].flatMap((membership) =>
    nobodies.map((nobody): Row => ({
      what: `${membership} of ${JSON.stringify(nobody)}`,
      given: (room) => room.empowers(100),
      sends: (room) => about(room, nobody, membership),
      gets: 'taken',
      clientsSee: 'the event',
      async afterwards(room) {
        const heard = strangerHears(room, 'still here');
        const members = await room.alice.get(`/rooms/${encodeURIComponent(room.roomId)}/members`);
        assert.ok(members.chunk.some(({ state_key }: any) => state_key === mallory));
        await room.alice.says('still here', room.roomId);
        await heard;
        // What clients are told is held against the specification at the end.
        const answer = await room.alice.get('/sync');
        assert.deepEqual(answer.rooms.join[room.roomId].summary['m.heroes'], [mallory]);
      },
    })),
  ),
);
