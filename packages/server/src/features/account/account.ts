import type { UserId } from '@myelin/protocol/identifiers';

/** What the server knows of one of its own people. */
export interface Account {
  /** The interned user id. */
  readonly userNid: number;
  readonly userId: UserId;
  readonly localpart: string;
  readonly isGuest: boolean;
  /** A server administrator. */
  readonly isAdmin: boolean;
  readonly isDeactivated: boolean;
  /** Deactivated with the wish that others see as little as possible of what was said. */
  readonly isErased: boolean;
  /** https://spec.matrix.org/v1.19/client-server-api/#account-locking */
  readonly isLocked: boolean;
  /** https://spec.matrix.org/v1.19/client-server-api/#account-suspension */
  readonly isSuspended: boolean;
  readonly isShadowBanned: boolean;
  readonly isApproved: boolean;
  /** `support`, `bot` or one of the operator's own. */
  readonly userType?: string;
  /** The application service that registered this user. */
  readonly appserviceId?: string;
  /** The version of the terms that was accepted. */
  readonly consentVersion?: string;
  /** Milliseconds since 1970. */
  readonly createdTs: number;
}

/** Who an account is, for those who need no more. */
export type AccountIdentity = Pick<Account, 'userNid' | 'userId'>;

/** What may be changed of an account by those who may. A `null` takes the value away. */
export interface AccountChanges {
  readonly isGuest?: boolean;
  readonly isAdmin?: boolean;
  readonly isLocked?: boolean;
  readonly isSuspended?: boolean;
  readonly isShadowBanned?: boolean;
  readonly isApproved?: boolean;
  readonly userType?: string | null;
  readonly consent?: { readonly version: string; readonly ts: number };
  /** bcrypt's hash. */
  readonly passwordHash?: string | null;
}

/** An account that is to be. */
export interface NewAccount {
  readonly userId: UserId;
  readonly passwordHash?: string;
  readonly isGuest?: boolean;
  readonly isAdmin?: boolean;
  readonly isApproved?: boolean;
  readonly userType?: string;
  readonly appserviceId?: string;
  readonly consent?: { readonly version: string; readonly ts: number };
}
