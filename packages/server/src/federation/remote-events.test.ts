import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import type { EventId, RoomId, ServerName } from '@myelin/protocol/identifiers';

import { RemoteError } from '../remote-servers/index.ts';
import { remoteEvents } from './remote-events.ts';

const nest = 'nest.example' as ServerName;
const room = '!room:nest.example' as RoomId;
const eventId = `$${'e'.repeat(43)}` as EventId;

/** Nest answers everything with an error. */
function refusing(status: number, errcode: string): ReturnType<typeof remoteEvents> {
  const refuse = (): Promise<never> => Promise.reject(new RemoteError('refused', 'no', { status, errcode }));
  return remoteEvents({ request: refuse, stream: refuse });
}
const questions = {
  'an event': (events: ReturnType<typeof remoteEvents>) => events.event(nest, eventId),
  'an auth chain': (events: ReturnType<typeof remoteEvents>) => events.eventAuth(nest, room, eventId),
  'the ids of a state': (events: ReturnType<typeof remoteEvents>) => events.stateIds(nest, room, eventId),
  'a state': (events: ReturnType<typeof remoteEvents>) => events.state(nest, room, eventId),
};

suite('what other servers say of events', () => {
  for (const [what, ask] of Object.entries(questions)) {
    test(`${what} that a server does not have is not there`, async () => {
      assert.equal(await ask(refusing(404, 'M_NOT_FOUND')), undefined);
    });

    test(`${what} that a server does not show us may be there all the same`, async () => {
      await assert.rejects(ask(refusing(403, 'M_FORBIDDEN')), { failure: 'refused' });
      await assert.rejects(ask(refusing(429, 'M_LIMIT_EXCEEDED')), { failure: 'refused' });
    });
  }
});
