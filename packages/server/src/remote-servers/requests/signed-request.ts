import { encodeLenientCanonicalJson } from '@myelin/protocol/canonical-json';
import type { ServerName } from '@myelin/protocol/identifiers';
import { type SigningKey, signText, signableText } from '@myelin/protocol/signatures';

import { writeXMatrix } from './authorization-header.ts';

/** What a request's signature covers; https://spec.matrix.org/v1.19/server-server-api/#request-authentication */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as they are sent. */
  readonly uri: string;
  readonly origin: ServerName;
  readonly destination: ServerName;
  /** The body as JSON; undefined where there is none. */
  readonly content: unknown;
}

/** The text that is signed. Throws a CanonicalJsonError where the content has no canonical form. */
export function requestText({ method, uri, origin, destination, content }: SignedRequest): string {
  // Events of old room versions hold floats, and they travel in transactions.
  return signableText({ method, uri, origin, destination, content }, encodeLenientCanonicalJson);
}

/** The `Authorization` header that proves the request. */
export function authorize(request: SignedRequest, key: SigningKey): string {
  const { origin, destination } = request;
  return writeXMatrix({ origin, destination, key: key.keyId, signature: signText(requestText(request), key) });
}
