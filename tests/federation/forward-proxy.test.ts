import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startFederation, startForwardProxy } from '@myelin/testing/federation';

const hive = 'hive.example';
const nest = 'nest.example';

test('servers that reach each other through a forward proxy only', async () => {
  // Nobody answers for .well-known files; SRV records name the ports.
  const proxy = await startForwardProxy({
    portOf: (authority) => (authority.endsWith(':443') ? undefined : Number(authority.split(':')[1])),
    credentials: 'bee:honey',
  });
  const config = { https_proxy: `http://bee:honey@127.0.0.1:${proxy.port}` };
  const federation = await startFederation([hive, nest], { config });
  try {
    const alice = await federation.named(hive).person('alice');
    const bob = await federation.named(nest).person('bob');
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await bob.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
    const said = await bob.says('through the wall', room);
    await alice.syncsUntil((answer) => answer.rooms?.join?.[room]?.timeline.events.some(({ event_id: id }: any) => id === said));
    const leads = (name: string): boolean => proxy.asked.some((asked) => asked.startsWith(`CONNECT ${name}:`));
    assert.ok(leads(hive) && leads(nest), proxy.asked.join());
  } finally {
    await federation.stop();
    await proxy.close();
  }
});
