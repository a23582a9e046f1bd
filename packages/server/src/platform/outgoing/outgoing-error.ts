/**
 * Why a request has no answer:
 * - `name`: the host has no address, or nobody could tell;
 * - `blocked`: all of its addresses are ones that requests must not go to;
 * - `connection`: nobody listens, or the connection broke;
 * - `certificate`: the other side could not prove its name;
 * - `timeout`: it took too long;
 * - `too-large`: the answer is larger than was allowed;
 * - `malformed`: what came is no HTTP, or cannot be decompressed;
 * - `redirect`: it leads on where it must not, or too often;
 * - `cancelled`: the caller's signal aborted, or the client was closed.
 */
export type OutgoingFailure =
  | 'name'
  | 'blocked'
  | 'connection'
  | 'certificate'
  | 'timeout'
  | 'too-large'
  | 'malformed'
  | 'redirect'
  | 'cancelled';

/** A request that got no answer; the message names the host and is fit for a log. */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
  readonly failure: OutgoingFailure;

  constructor(failure: OutgoingFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}

const CERTIFICATE =
  /^(?:ERR_TLS_CERT|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/;
const TIMEOUT = /^(?:UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT)$/;

/** What an error of the libraries below means. */
export function outgoingError(error: unknown, host: string): OutgoingError {
  const found = causeOf(error);
  if (found) return found;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (CERTIFICATE.test(code)) return new OutgoingError('certificate', `${host} could not prove its name: ${message}`, error);
  if (TIMEOUT.test(code)) return new OutgoingError('timeout', `${host} did not answer in time`, error);
  const isParserError = error instanceof Error && error.name === 'HTTPParserError';
  if (isParserError || /^UND_ERR_(?:HEADERS_OVERFLOW|RES_|RESPONSE)/.test(code)) {
    return new OutgoingError('malformed', `${host} did not answer with HTTP: ${message}`, error);
  }
  if (/^UND_ERR_(?:ABORTED|CLOSED|DESTROYED)$/.test(code))
    return new OutgoingError('cancelled', `the request to ${host} was given up`, error);
  if (/^(?:ENOTFOUND|EAI_|ENODATA|ESERVFAIL|EREFUSED)/.test(code)) {
    return new OutgoingError('name', `${host} could not be resolved: ${message}`, error);
  }
  return new OutgoingError('connection', `no connection to ${host}: ${message || code}`, error);
}

// The connector's own errors may come wrapped by those who passed them on.
function causeOf(error: unknown): OutgoingError | undefined {
  let at: unknown = error;
  for (let depth = 0; depth < 4 && at instanceof Error; depth++) {
    if (at instanceof OutgoingError) return at;
    at = at.cause;
  }
  return undefined;
}
