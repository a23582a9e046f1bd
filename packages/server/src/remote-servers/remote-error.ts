/**
 * Why a request to another server brought no result:
 * - `refused`: it answered with an error; `status` and `errcode` tell which;
 * - `bad-answer`: it answered with what the contract does not allow, or with too much;
 * - `unreachable`: it could not be found, or connected to, or could not prove its name;
 * - `timed-out`: it took too long;
 * - `backing-off`: it has failed before and is not to be asked yet;
 * - `not-allowed`: this server does not federate with it (`federation_domain_whitelist`), or its address is blocked;
 * - `cancelled`: the caller gave up.
 */
export type RemoteFailure = 'refused' | 'bad-answer' | 'unreachable' | 'timed-out' | 'backing-off' | 'not-allowed' | 'cancelled';

/** A request to another server that brought no result; the message is fit for a log. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly failure: RemoteFailure;
  /** The HTTP status, where the server answered. */
  readonly status: number | undefined;
  /** The Matrix error code of a `refused` request, where it had one. */
  readonly errcode: string | undefined;
  /** All of the error's JSON, where it was an object: some codes carry more, such as `room_version`. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** When the server asked to be left alone until then, in milliseconds from the answer. */
  readonly retryAfterMs: number | undefined;

  constructor(
    failure: RemoteFailure,
    message: string,
    details: {
      readonly status?: number;
      readonly errcode?: string;
      readonly body?: Readonly<Record<string, unknown>>;
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.failure = failure;
    this.status = details.status;
    this.errcode = details.errcode;
    this.body = details.body;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whether the server itself answered, so that asking it again would bring the same. */
  get answered(): boolean {
    return this.failure === 'refused' || this.failure === 'bad-answer';
  }
}
