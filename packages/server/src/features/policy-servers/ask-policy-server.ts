import * as federation from '@myelin/protocol/api/federation';
import { forbidden, limitExceeded, MatrixError, unknown, type ErrorFields, type MatrixErrorCode } from '@myelin/protocol/errors';
import type { Pdu } from '@myelin/protocol/events';
import type { ServerName } from '@myelin/protocol/identifiers';
import { withPolicySignature, type PolicyServer } from '@myelin/protocol/policy-servers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { pduJson } from '../../federation/membership/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { Places } from '../../platform/places.ts';
import { RemoteError, type RemoteFailure, type RemoteServers } from '../../remote-servers/index.ts';

export interface PolicyServerAskingNeeds {
  readonly clock: Clock;
  readonly remoteServers: Pick<RemoteServers, 'request'>;
}

export interface AskOptions {
  /** Nobody waits for the answer: where the policy server wants a pause, it gets a short one, and is asked once more. */
  readonly isPatient?: boolean;
}

/** Somebody waits for their message to be sent; whoever needs longer to look at one event will not keep up with a room. */
const timeoutMs = 10_000;
/** A server that did not answer is not asked for so long: of the many who speak meanwhile not each has to wait for it. */
const restMs = 15_000;
/**
 * An idle connection that the other side has just closed looks like a server that is gone, and at once: then it is asked again, for to sign
 * twice does no harm.
 */
const askedAgainWithinMs = 1_000;
/** Questions to one policy server at the same time. */
const atOnce = 20;
/** Those who wait for their turn to ask. At 100 ms an answer the last of them waits for half a second. */
const mostWaiting = 100;
/** The longest pause that a patient asker makes. */
const longestPauseMs = 5_000;
/** Room for one signature with its names, and for a proxy that is talkative. */
const maxBytes = 64 * 1024;
/** Of more policy servers than this those that were asked last. */
const remembered = 1_000;

/**
 * Errors that the client gets just as the policy server has said them; they mean the same there. Others do not: M_UNKNOWN_TOKEN, say,
 * would end the client's session. https://spec.matrix.org/v1.19/server-server-api/#post_matrixpolicyv1sign
 */
const passedOn: Partial<Record<MatrixErrorCode, readonly number[]>> = {
  M_BAD_JSON: [400],
  M_FORBIDDEN: [400, 403],
  M_LIMIT_EXCEEDED: [429],
  M_NOT_FOUND: [404],
  M_NOT_JSON: [400],
};

/** What is known of one policy server. */
interface Desk {
  readonly places: Places;
  /** It is not asked before, by `clock.monotonic()`. */
  restsUntil: number;
}

/** Asks policy servers, so many questions at a time, and those that do not answer not all the time. */
export class PolicyServerAsking {
  readonly #needs: PolicyServerAskingNeeds;
  readonly #desks = new Map<ServerName, Desk>();
  #stopped = false;

  constructor(needs: PolicyServerAskingNeeds) {
    this.#needs = needs;
  }

  /**
   * The event with the policy server's signature. Throws a MatrixError, which is what the client that sends the event is to hear: the
   * policy server's own where it has refused, M_UNKNOWN with status 502 where it could not be asked. Another Error once this server stops.
   * https://spec.matrix.org/v1.19/server-server-api/#asking-for-a-policy-server-signature-on-an-event
   */
  async sign(server: PolicyServer, pdu: Pdu, rules: RoomVersionRules, options: AskOptions = {}): Promise<Pdu> {
    const answer = await this.#ask(server.via, pdu).catch(async (error: unknown) => {
      const pauseMs = error instanceof RemoteError && error.status === 429 ? (error.retryAfterMs ?? 0) : Infinity;
      if (!options.isPatient || pauseMs > longestPauseMs) throw hearable(error, server.via);
      await this.#needs.clock.sleep(pauseMs);
      return this.#ask(server.via, pdu).catch((again: unknown) => {
        throw hearable(again, server.via);
      });
    });
    const signed = withPolicySignature(pdu, server, answer, rules);
    // It recommends the event, and nobody can check it: the room has another key than the policy server.
    if (!signed) throw forbidden(`The policy server ${server.via} has not signed the event with the key that the room has of it`);
    return signed;
  }

  async #ask(via: ServerName, pdu: Pdu): Promise<Record<string, Record<string, string>>> {
    const { clock, remoteServers } = this.#needs;
    const desk = this.#deskOf(via);
    this.#checkRest(via, desk);
    if (desk.places.waiting >= mostWaiting) throw limitExceeded(restMs);
    return desk.places.run(async () => {
      this.#checkRest(via, desk);
      // A policy server need not have any endpoint but this one, so that others may have called it offline.
      const bounds = { timeoutMs, maxBytes, ignoreBackoff: true };
      const ask = () => remoteServers.request(via, federation.askPolicyServerToSign, { body: pduJson(pdu) }, bounds);
      const startedAt = clock.monotonic();
      try {
        return await ask().catch((error: unknown) => {
          const isSudden = failureOf(error) === 'unreachable' && clock.monotonic() - startedAt < askedAgainWithinMs;
          if (!isSudden || this.#stopped) throw error;
          return ask();
        });
      } catch (error) {
        // It is us who are gone.
        if (this.#stopped) throw new Error(`this server stopped before ${via} had answered`, { cause: error });
        const isOffline = failureOf(error) === 'timed-out' || failureOf(error) === 'unreachable';
        if (isOffline) desk.restsUntil = clock.monotonic() + restMs;
        throw error;
      }
    });
  }

  /** From now on a question that fails says nothing about who was asked: it is to be asked again in this server's next life. */
  stop(): void {
    this.#stopped = true;
  }

  #deskOf(via: ServerName): Desk {
    const desk = this.#desks.get(via) ?? { places: new Places(atOnce), restsUntil: -Infinity };
    // Those that were asked last stand at the end.
    this.#desks.delete(via);
    this.#desks.set(via, desk);
    if (this.#desks.size > remembered) {
      const [oldest] = this.#desks.keys();
      if (oldest !== undefined) this.#desks.delete(oldest);
    }
    return desk;
  }

  #checkRest(via: ServerName, { restsUntil }: Desk): void {
    if (restsUntil > this.#needs.clock.monotonic()) throw offline(via);
  }
}

function failureOf(error: unknown): RemoteFailure | undefined {
  return error instanceof RemoteError ? error.failure : undefined;
}

function offline(via: ServerName, cause?: unknown): MatrixError {
  const reason = `The room's policy server ${via} does not answer, and nothing is sent to the room without it`;
  return new MatrixError('M_UNKNOWN', reason, { status: 502, cause });
}

/** What a client can be told. What is no failure of a request is a defect, and stays what it is. */
function hearable(error: unknown, via: ServerName): unknown {
  if (!(error instanceof RemoteError)) return error;
  const { failure, status, errcode, body } = error;
  if (failure === 'not-allowed') return forbidden(`This server cannot ask the room's policy server ${via}`);
  if (failure === 'bad-answer') return unknown(`The room's policy server ${via} has answered with nonsense`, 502);
  if (failure !== 'refused' || status === undefined || status >= 500) return offline(via, error);
  const { errcode: _, error: reason, ...fields } = body ?? {};
  const text =
    typeof reason === 'string' && reason !== '' ? reason : `The room's policy server ${via} does not recommend this event`;
  const code = Object.keys(passedOn).find((known) => known === errcode) as MatrixErrorCode | undefined;
  if (code === undefined || !passedOn[code]?.includes(status)) return new MatrixError('M_FORBIDDEN', text, { cause: error });
  return new MatrixError(code, text, { status, fields: fields as ErrorFields, cause: error });
}
