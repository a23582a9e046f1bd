import { forbidden, MatrixError, userDeactivated } from '@myelin/protocol/errors';

import type { Config } from '../../config/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Limiter } from '../../platform/rate-limits/index.ts';
import type { Stage } from '../user-interactive-auth/index.ts';
import type { Account, AccountIdentity } from './account.ts';
import { readPasswordHash } from './accounts.store.ts';
import type { ManagedAccounts } from './accounts.ts';
import { createPasswordHashing } from './password-hashing.ts';
import { checkNewPassword } from './password-policy.ts';

/** The passwords of this server's users. */
export interface Passwords {
  /** Whether passwords that the server has stored count at all (`password_config`). */
  readonly enabled: boolean;
  /**
   * The account with that name (a user id or a localpart) and that password. Throws M_FORBIDDEN, the same whether name or password is
   * wrong; M_USER_DEACTIVATED; M_LIMIT_EXCEEDED after too many failures, even for the right password.
   */
  check(typedName: string, password: string): Promise<Account>;
  /** Throws where the policy refuses a new password. */
  checkNew(password: string): void;
  hash(password: string): Promise<string>;
  has(account: AccountIdentity): Promise<boolean>;
}

export interface PasswordsNeeds {
  readonly config: Pick<Config, 'bcrypt_rounds' | 'password_config'>;
  readonly database: Database;
  readonly accounts: ManagedAccounts;
  /** Counts failures, by user. */
  readonly failedAttempts: Limiter;
}

/** Opens the passwords. */
export function openPasswords({ config, database, accounts, failedAttempts }: PasswordsNeeds): Passwords {
  const { enabled, localdb_enabled, pepper, policy } = config.password_config;
  const hashing = createPasswordHashing({ rounds: config.bcrypt_rounds, pepper });
  return {
    enabled: enabled !== false && localdb_enabled,
    async check(typedName, password) {
      const account = await accounts.findTyped(typedName);
      const limited = (account?.userId ?? typedName).toLowerCase();
      failedAttempts.check(limited);
      const expected = account && (await readPasswordHash(database, account.userNid));
      const matches = expected === undefined ? false : await hashing.matches(password, expected);
      if (account && matches) return account;
      if (expected === undefined) await hashing.pretend(password);
      failedAttempts.record(limited);
      if (account?.isDeactivated) throw userDeactivated();
      throw forbidden('Invalid username or password');
    },
    checkNew: (password) => checkNewPassword(password, policy),
    hash: hashing.hash,
    has: async ({ userNid }) => (await readPasswordHash(database, userNid)) !== undefined,
  };
}

/** The name in an identifier, or in the field that stood for it before there were identifiers. */
export function typedNameOf({
  identifier,
  user,
}: {
  readonly identifier?: unknown;
  readonly user?: unknown;
}): string | undefined {
  if (identifier === undefined) return typeof user === 'string' ? user : undefined;
  const isUser = typeof identifier === 'object' && identifier !== null && 'user' in identifier && 'type' in identifier;
  return isUser && identifier.type === 'm.id.user' && typeof identifier.user === 'string' ? identifier.user : undefined;
}

/** https://spec.matrix.org/v1.19/client-server-api/#password-based */
export function passwordStage(passwords: Passwords): Stage {
  return {
    type: 'm.login.password',
    form: {
      title: 'Confirm that it is you',
      text: 'Enter your password to continue.',
      fields: [
        { name: 'user', label: 'User name', type: 'text', autocomplete: 'username' },
        { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
      ],
      button: 'Confirm',
    },
    async check({ auth, userId }) {
      const { password } = auth;
      const named =
        auth['identifier'] === undefined && auth['user'] === undefined
          ? userId
          : typedNameOf({ identifier: auth['identifier'], user: auth['user'] });
      if (typeof password !== 'string' || named === undefined) {
        throw new MatrixError('M_MISSING_PARAM', 'A user and a password are needed');
      }
      const account = await passwords.check(named, password);
      if (userId !== undefined && account.userId !== userId) throw forbidden('Invalid username or password');
      return account.userId;
    },
  };
}
