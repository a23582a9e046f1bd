import { CanonicalJsonError, mayHoldInexactNumbers, parseExactJson } from '@myelin/protocol/canonical-json';
import { forbidden, MatrixError } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../platform/clock.ts';
import type { ServerAuthenticator } from '../platform/http/index.ts';
import type { SignatureVerdict } from './keys/index.ts';
import { readXMatrix, requestText, type XMatrixCredentials } from './requests/index.ts';

export interface ServerAuthenticatorNeeds {
  readonly serverName: ServerName;
  readonly verify: (
    check: {
      readonly server: ServerName;
      readonly signatures: Readonly<Record<string, string>>;
      readonly text: string;
      readonly minimumValidUntil: number;
    },
    options: { readonly justHeardFrom: boolean },
  ) => Promise<SignatureVerdict>;
  readonly clock: Clock;
  readonly federatesWith: (server: ServerName) => boolean;
  /** Called with whom has proven a request. */
  readonly heardFrom: (server: ServerName) => void;
}

/** Verifies the requests of other servers; https://spec.matrix.org/v1.19/server-server-api/#request-authentication */
export function createServerAuthenticator(needs: ServerAuthenticatorNeeds): ServerAuthenticator {
  const { serverName, clock } = needs;
  return {
    async authenticate({ method, uri, authorization, content, contentText }) {
      const origin = originOf(authorization, serverName);
      if (!needs.federatesWith(origin.name)) throw forbidden('This server does not federate with yours');
      const exact = contentText !== undefined && mayHoldInexactNumbers(contentText) ? parseExactJson(contentText) : content;
      const verdict = await needs.verify(
        {
          server: origin.name,
          signatures: origin.signatures,
          // The destination is always our name, whether the header names it or not: what was signed for another server proves nothing here.
          text: textOf({ method, uri, origin: origin.name, destination: serverName, content: exact }),
          minimumValidUntil: clock.now(),
        },
        { justHeardFrom: true },
      );
      if (!verdict.ok) throw unauthorized(REASONS[verdict.reason]);
      needs.heardFrom(origin.name);
      return { kind: 'server', origin: origin.name };
    },
  };
}

const REASONS = {
  unsigned: 'The request has no signature by an ed25519 key',
  'no-key': 'The key that signed the request is not known, or not valid any more',
  forged: 'The signature of the request is not right',
} as const;

function textOf(request: Parameters<typeof requestText>[0]): string {
  try {
    return requestText(request);
  } catch (error) {
    if (error instanceof CanonicalJsonError)
      throw unauthorized(`The request's content cannot have been signed: it ${error.message}`);
    throw error;
  }
}

function originOf(
  authorization: readonly string[],
  serverName: ServerName,
): { readonly name: ServerName; readonly signatures: Readonly<Record<string, string>> } {
  if (authorization.length === 0) throw unauthorized('Missing Authorization header');
  const all = authorization.map((header): XMatrixCredentials => {
    const credentials = readXMatrix(header);
    if (!credentials) throw unauthorized('The Authorization header is not a good X-Matrix header');
    if (credentials.destination !== undefined && credentials.destination !== serverName) {
      throw unauthorized(`The request is for ${credentials.destination}, but this is ${serverName}`);
    }
    return credentials;
  });
  const names = new Set(all.map(({ origin }) => origin));
  const [name] = names;
  if (name === undefined || names.size > 1) throw unauthorized('The Authorization headers name several servers');
  if (name === serverName) throw unauthorized('This server does not send requests to itself');
  return { name, signatures: Object.fromEntries(all.map(({ key, signature }) => [key, signature])) };
}

function unauthorized(reason: string): MatrixError {
  return new MatrixError('M_UNAUTHORIZED', reason);
}
