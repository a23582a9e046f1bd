import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import type { UserId } from '@myelin/protocol/identifiers';
import type { HttpAnswer, TestDatabases, TestHomeserver } from '@myelin/testing';
import { FakeServer, startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

export const hive = 'hive.example';
export const stranger = 'stranger.example';
/** Who lives at the stranger's. */
export const mallory = `@mallory:${stranger}` as UserId;

/** One server of ours and one that signs what it likes. */
export interface Encounter {
  home(): TestHomeserver;
  fake(): FakeServer;
  /** A request of the stranger's to us. */
  asks(method: string, uri: string, content?: unknown): Promise<HttpAnswer>;
}

/** To be called in a suite: both are there for its tests. */
export function withAStranger(
  options: { readonly config?: Readonly<Record<string, unknown>>; readonly databases?: TestDatabases } = {},
): Encounter {
  let federation: FederatedHomeservers | undefined;
  let server: FakeServer | undefined;
  before(async () => {
    federation = await startFederation([hive], options);
    server = await FakeServer.start(stranger, federation);
  });
  after(async () => {
    await server?.stop();
    await federation?.stop();
  });
  const home = (): TestHomeserver => {
    assert.ok(federation);
    return federation.named(hive);
  };
  const fake = (): FakeServer => {
    assert.ok(server);
    return server;
  };
  return {
    home,
    fake,
    asks(method, uri, content) {
      const authorization = fake().authorization({ method, uri, destination: hive, content });
      return home().request(method, uri, { headers: { authorization }, ...(content !== undefined && { body: content }) });
    },
  };
}
