import * as federation from '@myelin/protocol/api/federation';
import { mayHoldInexactNumbers, parseExactJson, parseJson } from '@myelin/protocol/canonical-json';

import { RemoteError, type RemoteServers } from '../remote-servers/index.ts';
import type { RemoteEvents, SignatureAnswer, SignatureVerifier } from '../rooms/index.ts';

/** What rooms ask for holds up one of their events, not a person. */
const oneEvent = { timeoutMs: 20_000 };
const several = { timeoutMs: 60_000 };
/** A state may be that of a room of 100,000 members. */
const wholeState = { timeoutMs: 120_000, maxBytes: 512 * 1024 * 1024 };

/** How rooms ask other servers for events that they miss. */
export function remoteEvents(remote: Pick<RemoteServers, 'request'>): RemoteEvents {
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
      const answer = await orNothing(remote.request(server, federation.getRoomStateIds, question, wholeState));
      return answer && { stateIds: answer.pdu_ids, authChainIds: answer.auth_chain_ids };
    },
    async state(server, roomId, eventId) {
      const question = { params: { roomId }, query: { event_id: eventId } };
      const answer = await orNothing(remote.request(server, federation.getRoomState, question, { ...wholeState, parse }));
      return answer && { state: answer.pdus, authChain: answer.auth_chain };
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

/** Undefined where the server says that it has no such thing, or that we may not have it. */
async function orNothing<Answer>(asking: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asking;
  } catch (error) {
    const hasNot = error instanceof RemoteError && error.failure === 'refused' && (error.status === 404 || error.status === 403);
    if (hasNot) return undefined;
    throw error;
  }
}
