import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { encodeSigningKey, generateSigningKey } from '@myelin/protocol/signatures';
import { startFederation } from '@myelin/testing/federation';

const hive = 'hive.example';
const nest = 'nest.example';

for (const version of ['1', '10', '12']) {
  test(`a server that has lost its key is still believed about what it said before (version ${version})`, async () => {
    const federation = await startFederation([hive, nest]);
    try {
      const home = federation.named(hive);
      const alice = await home.person('alice');
      const room = await alice.createsRoom({ preset: 'public_chat', room_version: version, name: 'Old' });
      const before = await alice.says('said with the old key', room);

      await writeFile(
        join(home.directory, 'signing.key'),
        encodeSigningKey(generateSigningKey(new Uint8Array(32).fill(7), 'new')),
      );
      await home.restart();
      const { body: keys } = await home.request('GET', '/_matrix/key/v2/server');
      assert.deepEqual([Object.keys(keys.verify_keys), keys.old_verify_keys], [['ed25519:new'], {}]);

      const bob = await federation.named(nest).person('bob');
      await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
      const { name } = await bob.get(`/rooms/${encodeURIComponent(room)}/state/m.room.name/`);
      assert.equal(name, 'Old');
      const { chunk } = await bob.get(`/rooms/${encodeURIComponent(room)}/messages`, { dir: 'b', limit: 50 });
      assert.ok(
        chunk.some(({ event_id: id }: any) => id === before),
        'history too',
      );
      const now = await alice.says('said with the new one', room);
      await bob.syncsUntil((answer) => answer.rooms?.join?.[room]?.timeline.events.some(({ event_id: id }: any) => id === now));
    } finally {
      await federation.stop();
    }
  });
}
