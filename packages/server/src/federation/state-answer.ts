import { isJsonObject } from '@myelin/protocol/canonical-json';
import type { ServerName } from '@myelin/protocol/identifiers';

import { splitArrays } from '../platform/json-stream/index.ts';
import { RemoteError, remoteErrorOf, type PlainCall, type RemoteServers, type RequestOptions } from '../remote-servers/index.ts';
import type { GivenState, StatePiece } from '../rooms/index.ts';

/** An answer with a room's state, of which nobody holds the whole. */
export interface StateAnswer {
  /** The events as text, as they arrive. To be read to its end. */
  readonly given: GivenState;
  /** What stands beside them; there when `given` is read. Throws a `RemoteError` where it is no object with both lists. */
  rest(): Readonly<Record<string, unknown>>;
}

/** A state of 400,000 members. */
const mostBytes = 512 * 1024 * 1024;
const authChain = 'auth_chain';
const limits = {
  // An event has 64 KiB at most; how its JSON is escaped, and `unsigned`, may make it longer.
  elementBytes: 1024 * 1024,
  // The names of some ten thousand servers and one event.
  restBytes: 4 * 1024 * 1024,
  // As many as are looked at together.
  elementsAtOnce: 500,
};

/**
 * Sends a request whose answer has the events of a state in the list `state` and those that they rest on in `auth_chain`. Rejects with a
 * `RemoteError`, and so does reading the answer.
 */
export async function openStateAnswer(
  remote: Pick<RemoteServers, 'stream'>,
  server: ServerName,
  call: PlainCall,
  { state, ...options }: { readonly state: string } & Pick<RequestOptions, 'timeoutMs' | 'ignoreBackoff' | 'signal'>,
): Promise<StateAnswer> {
  const { body } = await remote.stream(server, call, { ...options, maxBytes: mostBytes });
  const split = splitArrays(body as AsyncIterable<Buffer>, new Set([state, authChain]), limits);
  async function* given(): AsyncGenerator<StatePiece> {
    try {
      for await (const { name, elements } of split.pieces) yield { inState: name === state, events: elements };
    } catch (error) {
      throw wrong(server, error);
    } finally {
      body.destroy();
    }
  }
  return {
    given: given(),
    rest() {
      const rest = restOf(split, server);
      if (!isJsonObject(rest) || !Array.isArray(rest[state]) || !Array.isArray(rest[authChain])) {
        throw new RemoteError('bad-answer', `${server} did not give a state`);
      }
      return rest;
    },
  };
}

function restOf(split: { rest(): unknown }, server: ServerName): unknown {
  try {
    return split.rest();
  } catch (error) {
    throw wrong(server, error);
  }
}

function wrong(server: ServerName, cause: unknown): Error {
  if (!(cause instanceof SyntaxError)) return remoteErrorOf(cause, server);
  return new RemoteError('bad-answer', `${server} answered with what is no JSON: ${cause.message}`, { cause });
}
