import { isJsonObject, own, parseJson } from '@myelin/protocol/canonical-json';
import type { ServerName } from '@myelin/protocol/identifiers';

import { OutgoingError, type StreamedAnswer } from '../../platform/outgoing/index.ts';
import { RemoteError } from '../remote-error.ts';

/** How much of an error's explanation is read, in bytes. */
const MAX_EXPLANATION = 64 * 1024;

/** The text of an answer. Rejects with a `RemoteError`. */
export async function readBody(answer: StreamedAnswer, server: ServerName): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    throw remoteErrorOf(error, server);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The error that an unsuccessful answer stands for. */
export async function refusal(answer: StreamedAnswer, server: ServerName): Promise<RemoteError> {
  const body = parseExplanation(await readExplanation(answer));
  const errcode = body && own(body, 'errcode');
  const reason = body && own(body, 'error');
  const seconds = Number(answer.headers['retry-after']);
  const retryAfter = body && own(body, 'retry_after_ms');
  return new RemoteError(
    'refused',
    `${server} answered ${answer.status}${typeof errcode === 'string' ? ` ${errcode}` : ''}${typeof reason === 'string' ? `: ${reason.slice(0, 500)}` : ''}`,
    {
      status: answer.status,
      ...(typeof errcode === 'string' && { errcode }),
      ...(body && { body }),
      ...(typeof retryAfter === 'number' && retryAfter >= 0
        ? { retryAfterMs: retryAfter }
        : answer.headers['retry-after'] !== undefined && seconds >= 0 && { retryAfterMs: seconds * 1_000 }),
    },
  );
}

async function readExplanation({ body }: StreamedAnswer): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      if ((size += chunk.length) > MAX_EXPLANATION) break;
    }
  } catch {
    // The status is known; an explanation that breaks off explains nothing.
    return '';
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseExplanation(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json = parseJson(text);
    return isJsonObject(json) ? json : undefined;
  } catch {
    // Proxies explain themselves in HTML.
    return undefined;
  }
}

/** What a failure on the way means to who asked. Other errors than those of the outgoing client are handed back as they are. */
export function remoteErrorOf(error: unknown, server: ServerName): Error {
  if (!(error instanceof OutgoingError)) return error instanceof Error ? error : new Error(String(error));
  const failure = (
    {
      name: 'unreachable',
      connection: 'unreachable',
      certificate: 'unreachable',
      malformed: 'bad-answer',
      redirect: 'bad-answer',
      'too-large': 'bad-answer',
      timeout: 'timed-out',
      blocked: 'not-allowed',
      cancelled: 'cancelled',
    } as const
  )[error.failure];
  return new RemoteError(failure, `${server}: ${error.message}`, { cause: error });
}
