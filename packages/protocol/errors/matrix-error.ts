import type { Json, JsonObject } from '../events/pdu.ts';
import { type ErrorCode, errorStatuses } from './codes.ts';

/** The members of an error's JSON beside `errcode` and `error`. */
export type ErrorFields = Readonly<Record<string, Json>>;

/**
 * What a client or another server must hear. Thrown as near the route as possible; everything else that is thrown is a bug.
 * https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
 */
export class MatrixError extends Error {
  override readonly name = 'MatrixError';
  readonly errcode: ErrorCode;
  /** The HTTP status. */
  readonly status: number;
  readonly fields: ErrorFields;

  /**
   * @param errcode the code; its usual status is in `errorStatuses`
   * @param reason a sentence for a person, sent as `error`
   * @param options `status` where the endpoint's is not the code's usual one; `fields` to send beside the code; `cause` for the log
   */
  constructor(
    errcode: ErrorCode,
    reason: string,
    options: {
      readonly status?: number;
      readonly fields?: ErrorFields;
      readonly cause?: unknown;
    } = {},
  ) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.errcode = errcode;
    this.status = options.status ?? (isCatalogued(errcode) ? errorStatuses[errcode] : 400);
    this.fields = options.fields ?? {};
  }

  /** The body of the response. */
  toJson(): JsonObject {
    return { ...this.fields, errcode: this.errcode, error: this.message };
  }
}

function isCatalogued(errcode: ErrorCode): errcode is keyof typeof errorStatuses {
  return Object.hasOwn(errorStatuses, errcode);
}
