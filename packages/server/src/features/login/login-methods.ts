import type { BodyOf } from '@myelin/protocol/api';
import type * as client from '@myelin/protocol/api/client';
import { forbidden, MatrixError, missingParam } from '@myelin/protocol/errors';

import { type Account, type Passwords, typedNameOf } from '../account/index.ts';
import type { JsonObject } from '../user-interactive-auth/index.ts';

export type LoginBody = BodyOf<typeof client.login>;

/** One way to log in; others than the password's come from the features that know them. */
export interface LoginMethod {
  readonly type: string;
  /** What `GET /login` tells of it beside the type; absent where clients are not to be told. */
  readonly flow?: JsonObject;
  /** Who that is. Throws where nobody is proven. */
  identify(body: LoginBody, caller: { readonly ip: string }): Promise<Account>;
}

/** https://spec.matrix.org/v1.19/client-server-api/#password-based */
export function passwordLogin(passwords: Passwords, isOffered: boolean): LoginMethod {
  return {
    type: 'm.login.password',
    ...(isOffered && { flow: {} }),
    async identify(body) {
      if (!isOffered) throw new MatrixError('M_UNKNOWN', 'Password login has been disabled', { status: 400 });
      const { password, identifier, medium } = body;
      if (password === undefined) throw missingParam('password');
      const named = typedNameOf({ ...(identifier && { identifier }), ...(body.user !== undefined && { user: body.user }) });
      if (named !== undefined) return passwords.check(named, password);
      // Nobody has an address that was confirmed, so none can be right.
      const isAddress = medium !== undefined || identifier?.type === 'm.id.thirdparty' || identifier?.type === 'm.id.phone';
      if (isAddress) throw forbidden('Invalid username or password');
      throw identifier === undefined
        ? missingParam('identifier')
        : new MatrixError('M_UNKNOWN', 'Unknown login identifier type', { status: 400 });
    },
  };
}
