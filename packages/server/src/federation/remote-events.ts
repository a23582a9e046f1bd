import * as federation from '@myelin/protocol/api/federation';
import { mayHoldInexactNumbers, parseExactJson, parseJson } from '@myelin/protocol/canonical-json';

import { plainCall, RemoteError, type RemoteServers } from '../remote-servers/index.ts';
import type { RemoteEvents, SignatureAnswer, SignatureVerifier } from '../rooms/index.ts';
import { openStateAnswer } from './state-answer.ts';

/** What rooms ask for holds up one of their events, not a person. */
const oneEvent = { timeoutMs: 20_000 };
const several = { timeoutMs: 60_000 };
/** The ids of a state may be those of a room of 100,000 members. */
const stateIds = { timeoutMs: 120_000, maxBytes: 64 * 1024 * 1024 };
/** A whole state is stored while it arrives, so this is as long as both take. */
const wholeStateTimeoutMs = 600_000;

/** How rooms ask other servers for events that they miss. */
export function remoteEvents(remote: Pick<RemoteServers, 'request' | 'stream'>): RemoteEvents {
  return {
    async event(server, eventId) {
      const answer = await orNothing(
        remote.request(server, federation.getEvent, { params: { eventId } }, { ...oneEvent, parse }),
      );
      return answer?.pdus[0];
    },
    async missingEvents(server, roomId, { earliest, latest, limit }) {
      const body = { earliest_events: [...earliest], latest_events: [...latest], limit };
      const question = { params: { roomId }, body };
      return (await remote.request(server, federation.getMissingPreviousEvents, question, { ...several, parse })).events;
    },
    async stateIds(server, roomId, eventId) {
      const question = { params: { roomId }, query: { event_id: eventId } };
      const answer = await orNothing(remote.request(server, federation.getRoomStateIds, question, stateIds));
      return answer && { stateIds: answer.pdu_ids, authChainIds: answer.auth_chain_ids };
    },
    async state(server, roomId, eventId) {
      const call = plainCall(federation.getRoomState, { params: { roomId }, query: { event_id: eventId } });
      const answer = await orNothing(openStateAnswer(remote, server, call, { state: 'pdus', timeoutMs: wholeStateTimeoutMs }));
      return answer?.given;
    },
    async backfill(server, roomId, from, limit) {
      const question = { params: { roomId }, query: { v: [...from], limit } };
      return (await remote.request(server, federation.backfillRoom, question, { ...several, parse })).pdus;
    },
    async eventAuth(server, roomId, eventId) {
      const question = { params: { roomId, eventId } };
      return (await orNothing(remote.request(server, federation.getEventAuth, question, { ...several, parse })))?.auth_chain;
    },
  };
}

/** How rooms have signatures checked. */
export function signatureVerifier({ keys }: Pick<RemoteServers, 'keys'>): SignatureVerifier {
  return {
    async verify(questions) {
      const checks = questions.map(({ server, signatures, text, validAt }) => ({
        server,
        signatures,
        text,
        minimumValidUntil: validAt ?? 0,
      }));
      const verdicts = await keys.verifyAll(checks);
      return verdicts.map((verdict, index): SignatureAnswer => {
        if (verdict.ok) return { valid: true };
        const server = checks[index]?.server ?? 'the server';
        if (verdict.reason === 'forged')
          return { valid: false, reason: `the signature of ${server} is not right`, temporary: false };
        const unsigned = verdict.reason === 'unsigned';
        return {
          valid: false,
          reason: unsigned ? `${server} has not signed` : `no key of ${server} is known`,
          temporary: !unsigned,
        };
      });
    },
  };
}

/** Rooms of the oldest versions hash numbers as they were spelt. */
function parse(text: string): unknown {
  return mayHoldInexactNumbers(text) ? parseExactJson(text) : parseJson(text);
}

/**
 * Undefined where the server says that it has no such thing. That we may not have it says nothing of the kind: a server may not have
 * heard yet that we are in the room.
 */
async function orNothing<Answer>(asking: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof RemoteError && error.failure === 'refused' && error.status === 404) return undefined;
    throw error;
  }
}
